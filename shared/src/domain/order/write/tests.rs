use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::*;

const ORDER: &str = r#"{"id":5,"description":"d","customerId":7,"lines":[]}"#;

fn key() -> HeaderValue {
    HeaderValue::from_static("\"k\"")
}

fn customer(number: u64) -> CustomerId {
    CustomerId::new(number).unwrap()
}

fn order_id(number: u64) -> OrderId {
    OrderId::new(number).unwrap()
}

fn new_order() -> NewOrder {
    NewOrder {
        customer_id: customer(7),
        description: "jars \"of\" honey\u{2028}ä".to_owned(),
        currency: "EUR".to_owned(),
        lines: vec![
            NewLine {
                description: "a jar".to_owned(),
                quantity: 2,
                price: "2.75".parse().unwrap(),
            },
            NewLine {
                description: "a lid".to_owned(),
                quantity: u32::MAX,
                price: "3".parse().unwrap(),
            },
        ],
    }
}

fn said(status: u16, retry_after: bool, body: &'static str) -> Response {
    let mut headers = HeaderMap::new();
    if retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        code: None,
        headers,
        body: Bytes::from_static(body.as_bytes()),
    }
}

#[test]
fn a_new_order_is_told_as_the_contract_has_it() {
    let request = place(&new_order(), key());
    assert_eq!(
        (request.method, &*request.target),
        (Method::POST, "/orders")
    );
    assert_eq!(request.headers[CONTENT_TYPE], "application/json");
    assert_eq!(request.headers["idempotency-key"], "\"k\"");
    assert_eq!(request.headers.len(), 2);
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    let expected = json!({
        "customerId": 7,
        "description": "jars \"of\" honey\u{2028}ä",
        "currency": "EUR",
        "lines": [
            { "description": "a jar", "quantity": 2, "price": 2.75 },
            { "description": "a lid", "quantity": 4_294_967_295_u32, "price": 3 },
        ],
    });
    assert_eq!(body, expected);
}

#[test]
fn the_digits_of_a_price_pass_through_no_float() {
    for price in [
        "12345678901234567.89",
        "0.1",
        "0.30000000000000000000000001",
    ] {
        let mut order = new_order();
        order.lines[1].price = price.parse().unwrap();
        let body = place(&order, key()).body;
        let body = std::str::from_utf8(&body).unwrap();
        assert!(body.contains(&format!("\"price\":{price}")), "{body}");
    }
}

#[test]
fn a_cancellation_has_no_body_and_a_key_only_if_there_is_one() {
    let with_key = cancel(order_id(5), Some(key()));
    assert_eq!(with_key.headers["idempotency-key"], "\"k\"");
    assert!(with_key.is_idempotent());
    let without = cancel(order_id(5), None);
    assert!(without.headers.is_empty() && !without.is_idempotent());
    for request in [with_key, without] {
        let what = (request.method, &*request.target, request.body.len());
        assert_eq!(what, (Method::POST, "/orders/5/cancel", 0));
    }
}

#[test]
fn the_statuses_that_answer_are_those_that_are_read() {
    let answering = |request: &Request| -> Vec<u16> {
        let all = (200..600).filter_map(|status| StatusCode::from_u16(status).ok());
        all.filter(|status| request.is_answered_by(*status))
            .map(|status| status.as_u16())
            .collect()
    };
    assert_eq!(answering(&place(&new_order(), key())), [400, 409, 422]);
    assert_eq!(answering(&cancel(order_id(5), None)), [409, 422]);
}

#[test]
fn each_status_of_a_placement_says_what_came_of_it() {
    let read = read_placed;
    for status in [200, 201] {
        let Ok(Written::Done(order)) = read(&said(status, false, ORDER)) else {
            panic!("it was placed");
        };
        assert_eq!(order.id, order_id(5));
    }
    for retry_after in [true, false] {
        // Of a placement a conflict has one cause alone.
        let conflict = said(409, retry_after, "anything");
        assert_eq!(read(&conflict), Ok(Written::InProgress));
    }
    assert_eq!(read(&said(422, false, "")), Ok(Written::KeyReused));
    assert_eq!(read(&said(400, false, "{}")), Ok(Written::Refused));
}

#[test]
fn each_status_of_a_cancellation_too() {
    let read = read_cancelled;
    assert!(matches!(
        read(&said(200, false, ORDER)),
        Ok(Written::Done(_))
    ));
    assert_eq!(read(&said(409, false, "")), Ok(Written::TooLate));
    assert_eq!(read(&said(409, true, "")), Ok(Written::InProgress));
    assert_eq!(read(&said(422, true, "")), Ok(Written::KeyReused));
}

#[test]
fn another_order_than_the_one_meant_or_none_is_refused() {
    let done = read_placed(&said(201, false, ORDER)).unwrap();
    assert!(
        done.clone()
            .meant(|order| order.customer_id == customer(7))
            .is_ok()
    );
    assert!(
        done.meant(|order| order.customer_id == customer(8))
            .is_err()
    );
    assert!(Written::TooLate.meant(|_| false).is_ok());
    for body in ["", "{}", "[]", "null", r#"{"id":5}"#] {
        for status in [200, 201, 202, 204] {
            let response = said(status, false, body);
            assert!(read_placed(&response).is_err(), "{body}");
            assert!(read_cancelled(&response).is_err(), "{body}");
        }
    }
}
