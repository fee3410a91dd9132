use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn id(number: u64) -> CustomerId {
    CustomerId::new(number).unwrap()
}

fn said(status: u16, body: impl Into<Bytes>) -> Response {
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        code: None,
        headers: HeaderMap::new(),
        body: body.into(),
    }
}

fn order(id: u64, customer: u64) -> Value {
    json!({ "id": id, "description": "d", "customerId": customer, "lines": [], "status": "paid" })
}

fn of_customer(number: u64) -> OrderQuery {
    OrderQuery {
        customer_id: Some(id(number)),
        ..OrderQuery::default()
    }
}

fn read(query: &OrderQuery, body: &Value) -> Result<OrderPage, Undecodable> {
    query
        .read(&said(200, body.to_string()))
        .map(|listed| match listed {
            Listed::Page(page) => page,
            Listed::UnknownCursor => panic!("a page"),
        })
}

#[test]
fn a_question_says_what_it_is_made_of_and_nothing_else() {
    let all = OrderQuery {
        customer_id: Some(id(7)),
        status: Some(Status::Shipped),
        limit: Some(20),
        cursor: Some("abc".to_owned()),
    };
    for (query, target) in [
        (OrderQuery::default(), "/orders"),
        (of_customer(7), "/orders?customerId=7"),
        (
            OrderQuery {
                limit: Some(1),
                ..OrderQuery::default()
            },
            "/orders?limit=1",
        ),
        (
            OrderQuery {
                cursor: Some(String::new()),
                ..OrderQuery::default()
            },
            "/orders?cursor=",
        ),
        (
            all,
            "/orders?customerId=7&status=shipped&limit=20&cursor=abc",
        ),
    ] {
        let request = query.request();
        assert_eq!((request.method, &*request.target), (Method::GET, target));
        assert!(request.headers.is_empty() && request.body.is_empty());
    }
    for status in Status::ALL {
        let query = OrderQuery {
            status: Some(status),
            ..OrderQuery::default()
        };
        let expected = format!("/orders?status={}", status.word());
        assert_eq!(query.request().target, expected);
    }
}

proptest! {
    #[test]
    fn whatever_is_in_a_cursor_the_service_gets_it_back(cursor in any::<String>()) {
        let query = OrderQuery { cursor: Some(cursor.clone()), limit: Some(5), ..OrderQuery::default() };
        let target = query.request().target;
        prop_assert!(target.parse::<http::Uri>().is_ok(), "{target}");
        prop_assert!(target.bytes().all(|byte| byte.is_ascii_graphic()), "{target}");
        let (path, parameters) = target.split_once('?').unwrap();
        let parameters: Vec<_> = form_urlencoded::parse(parameters.as_bytes()).into_owned().collect();
        let expected = [("limit".to_owned(), "5".to_owned()), ("cursor".to_owned(), cursor)];
        prop_assert_eq!((path, parameters), ("/orders", expected.to_vec()));
    }

    #[test]
    fn any_answer_is_a_page_or_refused(body in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert!(of_customer(7).read(&said(200, body)).is_err());
    }
}

#[test]
fn a_page_has_its_orders_and_where_to_go_on() {
    let body = json!({ "items": [order(2, 7), order(1, 7)], "nextCursor": "n", "more": 1 });
    let page = read(&of_customer(7), &body).unwrap();
    let ids: Vec<_> = page.items.iter().map(|order| order.id.get()).collect();
    assert_eq!((ids, page.next_cursor.as_deref()), (vec![2, 1], Some("n")));
    for end in [
        json!({ "items": [] }),
        json!({ "items": [], "nextCursor": null }),
        json!({ "items": [], "nextCursor": "" }),
    ] {
        let page = read(&OrderQuery::default(), &end).unwrap();
        assert_eq!(
            page,
            OrderPage {
                items: Vec::new(),
                next_cursor: None
            }
        );
    }
}

#[test]
fn a_page_of_another_shape_is_refused() {
    for body in [
        json!([order(1, 7)]),
        json!({}),
        json!({ "items": null }),
        json!({ "items": { "1": order(1, 7) } }),
        json!({ "items": [null] }),
        json!({ "items": [order(1, 7), 7] }),
        json!({ "items": [{ "id": 1 }] }),
        json!({ "items": [], "nextCursor": 7 }),
        json!({ "items": [], "nextCursor": {} }),
    ] {
        assert!(read(&OrderQuery::default(), &body).is_err(), "{body}");
    }
}

#[test]
fn what_was_not_asked_for_is_refused() {
    let body = json!({ "items": [order(1, 7), order(2, 8)] });
    assert!(read(&of_customer(7), &body).is_err(), "another customer's");
    assert!(read(&OrderQuery::default(), &body).is_ok());
    let at_most = |limit| OrderQuery {
        limit: Some(limit),
        ..OrderQuery::default()
    };
    assert!(
        read(&at_most(1), &body).is_err(),
        "more than were asked for"
    );
    assert!(read(&at_most(2), &body).is_ok());
    let with_status = |status| OrderQuery {
        status: Some(status),
        ..OrderQuery::default()
    };
    assert!(
        read(&with_status(Status::Placed), &body).is_err(),
        "another status"
    );
    assert!(read(&with_status(Status::Paid), &body).is_ok());
}

#[test]
fn only_a_question_with_a_cursor_is_answered_by_a_refusal() {
    let with_cursor = OrderQuery {
        cursor: Some("c".to_owned()),
        ..OrderQuery::default()
    };
    for status in [400, 422] {
        let status = StatusCode::from_u16(status).unwrap();
        assert!(with_cursor.request().is_answered_by(status));
        assert!(!of_customer(7).request().is_answered_by(status));
        let refused = said(status.as_u16(), "anything");
        assert_eq!(with_cursor.read(&refused), Ok(Listed::UnknownCursor));
    }
    for status in [404, 409, 500] {
        let status = StatusCode::from_u16(status).unwrap();
        assert!(!with_cursor.request().is_answered_by(status));
    }
}
