use bytes::Bytes;
use http::HeaderMap;

use super::*;
use crate::domain::order::NewLine;

fn said(code: Code, message: &impl Message) -> Response {
    Response {
        status: code.http_status(),
        code: Some(code),
        headers: HeaderMap::new(),
        body: message.encode_to_vec().into(),
    }
}

fn full() -> proto::Order {
    proto::Order {
        id: 5,
        description: "honey".to_owned(),
        customer_id: 7,
        lines: vec![proto::OrderLine {
            description: "a jar".to_owned(),
            quantity: Some(3),
            price: "1.15".to_owned(),
        }],
        total: Some("3.4500".to_owned()),
        status: proto::OrderStatus::Paid.into(),
        placed_at: Some(prost_types::Timestamp {
            seconds: 1_771_000_000,
            nanos: 0,
        }),
        currency: Some("EUR".to_owned()),
    }
}

fn got(order: proto::Order) -> Result<Order, Undecodable> {
    let message = proto::GetOrderResponse { order: Some(order) };
    read(&said(Code::Ok, &message))
}

#[test]
fn an_order_is_the_same_as_over_http() {
    let json = r#"{"id":5,"description":"honey","customerId":7,"total":3.45,"status":"paid","currency":"EUR",
        "placedAt":"2026-02-13T16:26:40Z","lines":[{"description":"a jar","quantity":3,"price":1.15}]}"#;
    assert_eq!(got(full()), Ok(serde_json::from_str(json).unwrap()));
}

#[test]
fn what_is_missing_or_unknown_has_its_default() {
    let mut order = full();
    order.total = None;
    order.lines[0].quantity = None;
    order.status = 99;
    order.placed_at = Some(prost_types::Timestamp {
        seconds: i64::MAX,
        nanos: 0,
    });
    order.currency = Some("euro".to_owned());
    let order = got(order).unwrap();
    assert_eq!(order.lines[0].quantity, 1);
    assert_eq!(order.total, "1.15".parse().unwrap());
    assert_eq!(
        (order.status, order.placed_at, order.currency),
        (None, None, None)
    );
    for (number, status) in (1..).zip(Status::ALL) {
        let order = proto::Order {
            status: number,
            ..full()
        };
        assert_eq!(got(order).unwrap().status, Some(status));
    }
}

#[test]
fn an_order_that_is_none_is_refused() {
    let broken: [fn(&mut proto::Order); 6] = [
        |order| order.id = 0,
        |order| order.id = -5,
        |order| order.customer_id = 1 << 53,
        |order| order.total = Some("much".to_owned()),
        |order| order.lines[0].price = String::new(),
        |order| {
            order.total = None;
            order.lines[0].price = "9e27".to_owned();
            order.lines[0].quantity = Some(u32::MAX);
        },
    ];
    for breaks in broken {
        let mut order = full();
        breaks(&mut order);
        assert!(got(order.clone()).is_err(), "{order:?}");
    }
    assert!(read(&said(Code::Ok, &proto::GetOrderResponse { order: None })).is_err());
    let garbage = Response {
        body: Bytes::from_static(b"\xff\xff\xff"),
        ..said(Code::Ok, &())
    };
    assert!(read(&garbage).is_err());
}

#[test]
fn a_list_is_asked_for_and_checked_as_over_http() {
    let query = OrderQuery {
        customer_id: Some(CustomerId::new(7).unwrap()),
        status: Some(Status::Paid),
        limit: Some(1),
        cursor: Some("c".to_owned()),
    };
    let message = proto::ListOrdersRequest::decode(list(&query).body).unwrap();
    assert_eq!(
        (
            message.customer_id,
            message.status(),
            message.page_size,
            &*message.page_token
        ),
        (Some(7), proto::OrderStatus::Paid, 1, "c")
    );
    let page = |orders: Vec<proto::Order>, next: &str| {
        let message = proto::ListOrdersResponse {
            orders,
            next_page_token: next.to_owned(),
        };
        read_listed(&query, &said(Code::Ok, &message))
    };
    let Ok(Listed::Page(read)) = page(vec![full()], "n") else {
        panic!("a page");
    };
    assert_eq!((read.items.len(), read.next_cursor), (1, Some("n".into())));
    let Ok(Listed::Page(last)) = page(vec![], "") else {
        panic!("a page");
    };
    assert_eq!(last.next_cursor, None);
    assert!(page(vec![full(), full()], "").is_err());
    let others = proto::Order {
        customer_id: 8,
        ..full()
    };
    assert!(page(vec![others], "").is_err());
    let refused = said(Code::InvalidArgument, &());
    assert_eq!(read_listed(&query, &refused), Ok(Listed::UnknownCursor));
    assert!(list(&query).is_answered_by(refused.status));
    let first = OrderQuery {
        cursor: None,
        ..query.clone()
    };
    assert!(!list(&first).is_answered_by(refused.status));
}

#[test]
fn reads_may_be_repeated_and_kept_and_writes_only_repeated_with_a_key() {
    let id = OrderId::new(5).unwrap();
    for request in [get(id), list(&OrderQuery::default())] {
        assert!(request.is_cacheable() && request.is_idempotent());
    }
    assert!(!cancel(id, None).is_idempotent());
    for request in [cancel(id, Some("k")), place(&new_order(), "k")] {
        assert!(request.is_idempotent() && !request.is_cacheable());
    }
}

fn new_order() -> NewOrder {
    NewOrder {
        customer_id: CustomerId::new(7).unwrap(),
        description: "honey".to_owned(),
        currency: "EUR".to_owned(),
        lines: vec![NewLine {
            description: "a jar".to_owned(),
            quantity: 2,
            price: "12345678901234567.89".parse().unwrap(),
        }],
    }
}

#[test]
fn a_new_order_is_told_with_all_digits() {
    let message = proto::PlaceOrderRequest::decode(place(&new_order(), "k").body).unwrap();
    assert_eq!((&*message.idempotency_key, message.customer_id), ("k", 7));
    assert_eq!(message.lines[0].price, "12345678901234567.89");
}

#[test]
fn each_code_says_what_came_of_a_write() {
    let placed = proto::PlaceOrderResponse {
        order: Some(full()),
    };
    let cancelled = proto::CancelOrderResponse {
        order: Some(full()),
    };
    let id = OrderId::new(5).unwrap();
    let done = |written| matches!(written, Ok(Written::Done(order)) if order.id == id);
    assert!(done(read_placed(&said(Code::Ok, &placed))));
    assert!(done(read_cancelled(&said(Code::Ok, &cancelled))));
    for (code, written) in [
        (Code::Aborted, Written::InProgress),
        (Code::AlreadyExists, Written::KeyReused),
        (Code::InvalidArgument, Written::Refused),
    ] {
        let response = said(code, &());
        assert_eq!(read_placed(&response), Ok(written.clone()));
        assert_eq!(read_cancelled(&response), Ok(written));
        assert!(place(&new_order(), "k").is_answered_by(response.status));
        assert!(cancel(id, None).is_answered_by(response.status));
    }
    let too_late = said(Code::FailedPrecondition, &());
    assert_eq!(read_cancelled(&too_late), Ok(Written::TooLate));
    assert_eq!(read_placed(&too_late), Ok(Written::Refused));
}
