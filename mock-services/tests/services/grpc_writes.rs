//! Orders placed and cancelled over gRPC, and over both protocols with one key.

use mock_services::fixtures::Fixtures;
use tonic::Code;

use crate::{
    grpc::{
        alike, as_json, code,
        contracts::orders::{CancelOrderRequest, OrderLine, OrderStatus, PlaceOrderRequest},
        options, order_service,
    },
    http::{get, post},
};

pub(crate) fn two_books(key: &str) -> PlaceOrderRequest {
    PlaceOrderRequest {
        idempotency_key: key.to_owned(),
        description: "two books".to_owned(),
        customer_id: 56,
        lines: vec![OrderLine {
            description: "a book".to_owned(),
            quantity: Some(2),
            price: "12.5".to_owned(),
        }],
        currency: Some("EUR".to_owned()),
    }
}

pub(crate) const TWO_BOOKS: &str = r#"{"customerId":56,"description":"two books","currency":"EUR",
    "lines":[{"description":"a book","quantity":2,"price":12.50}]}"#;

#[actix_web::test]
async fn a_key_places_one_order_over_both_protocols() {
    let (service, mut client) = order_service().await;
    let placed = client.place_order(two_books("one")).await.expect("placed");
    assert!(!placed.metadata().contains_key("idempotency-replayed"));
    let order = placed.into_inner().order.expect("an order");
    assert_eq!((order.id, order.total.as_deref()), (10_001, Some("25.00")));
    assert_eq!(order.status(), OrderStatus::Placed);
    assert!(order.placed_at.is_some());

    let http = post(service.addr(), "/orders", "one", TWO_BOOKS).await;
    assert_eq!(http.status, 201);
    assert_eq!(http.header("idempotency-replayed"), Some("true"));
    assert_eq!(alike(http.json()), as_json(&order));

    let http = post(service.addr(), "/orders", "two", TWO_BOOKS).await;
    assert_eq!(http.header("idempotency-replayed"), None);
    let again = client.place_order(two_books("two")).await.expect("placed");
    assert_eq!(
        again.metadata().get("idempotency-replayed").expect("it"),
        "true"
    );
    let again = again.into_inner().order.expect("an order");
    assert_eq!(as_json(&again), alike(http.json()));

    let other = PlaceOrderRequest {
        description: "three books".to_owned(),
        ..two_books("two")
    };
    assert_eq!(code(client.place_order(other).await), Code::AlreadyExists);
    let placed = [("one".to_owned(), 10_001), ("two".to_owned(), 10_002)];
    assert_eq!(service.placed(), placed);
}

#[actix_web::test]
async fn what_a_message_leaves_out_the_service_knows() {
    let (_service, mut client) = order_service().await;
    let mut request = two_books("key");
    (request.currency, request.lines[0].quantity) = (None, None);
    let order = client.place_order(request).await.expect("placed");
    let order = order.into_inner().order.expect("an order");
    assert_eq!(order.currency.as_deref(), Some("EUR"));
    assert_eq!(order.total.as_deref(), Some("12.50"));
}

#[actix_web::test]
async fn everything_that_is_wrong_with_an_order_is_said() {
    let (service, mut client) = order_service().await;
    let wrong = PlaceOrderRequest {
        description: String::new(),
        customer_id: -56,
        lines: vec![
            OrderLine {
                description: "x".repeat(201),
                quantity: Some(0),
                price: "1.234".to_owned(),
            },
            OrderLine {
                description: "x".to_owned(),
                quantity: Some(1_001),
                price: "1e2".to_owned(),
            },
        ],
        currency: Some("euro".to_owned()),
        ..two_books("key")
    };
    let status = client.place_order(wrong).await.expect_err("refused");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(
        status.message(),
        "customer_id must be a whole number from 1 to 9007199254740991; \
         description is missing: it must be a text of 1 to 200 characters; \
         currency must be three capital letters; \
         lines[0].description must be a text of 1 to 200 characters; \
         lines[0].quantity must be a whole number from 1 to 1000; \
         lines[0].price must be a number from 0 to 1000000 with at most 2 decimals; \
         lines[1].quantity must be a whole number from 1 to 1000; \
         lines[1].price must be a number from 0 to 1000000 with at most 2 decimals"
    );
    for key in ["", "a\nb", &"x".repeat(256)] {
        let answer = client.place_order(two_books(key)).await;
        assert_eq!(code(answer), Code::InvalidArgument, "{key:?}");
    }
    for price in ["", ".", "1.", ".5", "-1", "+1", " 1", "1000000.01"] {
        let mut wrong = two_books("key");
        price.clone_into(&mut wrong.lines[0].price);
        let answer = client.place_order(wrong).await;
        assert_eq!(code(answer), Code::InvalidArgument, "{price:?}");
    }
    let no_lines = PlaceOrderRequest {
        lines: Vec::new(),
        ..two_books("key")
    };
    assert_eq!(
        code(client.place_order(no_lines).await),
        Code::InvalidArgument
    );
    assert_eq!(service.placed(), []);
}

#[actix_web::test]
async fn orders_are_cancelled_by_the_same_rules() {
    let (service, mut client) = order_service().await;
    let fixtures = Fixtures::new(&options());
    let with = |status| {
        let order = (1..).filter_map(|id| fixtures.order(id));
        let mut order = order.filter(|order| order.status == Some(status));
        i64::try_from(order.next().expect("one").id).expect("small")
    };
    let cancel = |id, key: &str| CancelOrderRequest {
        id,
        idempotency_key: key.to_owned(),
    };
    let (paid, shipped) = (with("paid"), with("shipped"));

    let order = client.cancel_order(cancel(paid, "key")).await;
    let order = order.expect("cancelled").into_inner().order.expect("one");
    assert_eq!(order.status(), OrderStatus::Cancelled);
    let http = get(&service, &format!("/orders/{paid}")).await.json();
    assert_eq!(alike(http), as_json(&order));
    let again = client.cancel_order(cancel(paid, "key")).await;
    let again = again.expect("cancelled");
    assert_eq!(
        again.metadata().get("idempotency-replayed").expect("it"),
        "true"
    );
    assert_eq!(code(client.cancel_order(cancel(paid, "")).await), Code::Ok);

    let status = client.cancel_order(cancel(shipped, "")).await;
    let status = status.expect_err("too late");
    assert_eq!(status.code(), Code::FailedPrecondition);
    let detail = format!("order {shipped} is shipped and can no longer be cancelled");
    assert_eq!(status.message(), detail);
    for (request, expected) in [
        (cancel(shipped, "key"), Code::AlreadyExists),
        (cancel(20_000, ""), Code::NotFound),
        (cancel(0, ""), Code::InvalidArgument),
        (cancel(1, "a\tb"), Code::InvalidArgument),
    ] {
        let answer = client.cancel_order(request.clone()).await;
        assert_eq!(code(answer), expected, "{request:?}");
    }
}
