//! The faults of gRPC calls, frame by frame as a client sees them that is no more than HTTP/2.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

use h2::Reason;
use mock_services::{
    Running,
    fault::{BodyFault, Code, Fault, GoAway, GrpcAnswer, GrpcStatus},
    orders,
};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    frames::{End, GUARD, Seen, call},
    grpc::{
        channel, code,
        contracts::orders::{
            GetOrderRequest, GetOrderResponse, ListOrdersRequest, PlaceOrderRequest,
            order_service_client::OrderServiceClient,
        },
        options, order_service,
    },
    grpc_writes::two_books,
    http::{Problem as _, get, post, send},
};

const GET_ORDER: &str = "/orders.v1.OrderService/GetOrder";
const PLACE_ORDER: &str = "/orders.v1.OrderService/PlaceOrder";

async fn get_order(service: &Running) -> Seen {
    let message = GetOrderRequest { id: 7 }.encode_to_vec();
    call(service.grpc_addr().unwrap(), GET_ORDER, &message).await
}

async fn with(fault: Fault) -> (Running, Seen) {
    let service = orders::start(&options()).unwrap();
    service.faults().set(vec![fault]);
    let seen = get_order(&service).await;
    assert_eq!(service.faults().report()[0].applied, 1);
    (service, seen)
}

#[actix_web::test]
async fn without_a_fault_there_are_head_message_and_trailers() {
    let service = orders::start(&options()).unwrap();
    let seen = get_order(&service).await;
    assert_eq!(seen.status, 200);
    assert_eq!(seen.header("content-type"), Some("application/grpc"));
    assert_eq!(seen.header("x-request-id"), Some("b-2"));
    assert_eq!(seen.header("grpc-status"), None);
    let order = GetOrderResponse::decode(seen.message()).unwrap();
    assert_eq!(order.order.unwrap().id, 7);
    assert_eq!(seen.trailers.as_ref().unwrap()["grpc-status"], "0");
    assert_eq!((seen.end, seen.goes_on), (End::Whole, true));
}

#[actix_web::test]
async fn a_status_comes_alone_with_what_is_said_of_a_retry() {
    let fault = Fault::grpc_status(GrpcStatus {
        code: Code::Unavailable,
        message: Some("à bientôt".to_owned()),
        retry_pushback_ms: Some(-1),
    });
    let (service, seen) = with(fault).await;
    assert_eq!(seen.status, 200);
    assert_eq!(seen.header("grpc-status"), Some("14"));
    assert_eq!(seen.header("grpc-message"), Some("%C3%A0%20bient%C3%B4t"));
    assert_eq!(seen.header("grpc-retry-pushback-ms"), Some("-1"));
    assert_eq!(seen.header("x-request-id"), Some("b-2"));
    assert_eq!(
        (seen.data.len(), seen.trailers, seen.end),
        (0, None, End::Whole)
    );
    // Over HTTP nobody is hit, and nothing counted.
    assert_eq!(get(&service, "/orders/1").await.status, 200);
    assert_eq!(service.faults().report()[0].applied, 1);
}

#[actix_web::test]
async fn a_status_of_http_comes_as_a_page_of_a_proxy() {
    let (service, seen) = with(Fault::status_retry_after(503, 3)).await;
    assert_eq!(seen.status, 503);
    assert_eq!(
        seen.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(seen.header("retry-after"), Some("3"));
    assert_eq!(seen.header("grpc-status"), None);
    assert!(seen.data.starts_with(b"<!DOCTYPE html>"));
    assert_eq!(seen.end, End::Whole);
    get(&service, "/orders/1").await.problem(503);

    let (_service, seen) = with(Fault::body(BodyFault::Html)).await;
    assert_eq!((seen.status, &seen.trailers), (200, &None));
    assert_eq!(
        seen.header("content-type"),
        Some("text/html; charset=utf-8")
    );
}

#[actix_web::test]
async fn streams_are_reset_with_any_reason() {
    for reason in [
        Reason::REFUSED_STREAM,
        Reason::INTERNAL_ERROR,
        Reason::CANCEL,
        Reason::ENHANCE_YOUR_CALM,
    ] {
        let (_service, seen) = with(Fault::rst_stream(reason)).await;
        assert_eq!(seen.end, End::Reset(reason));
        assert!(seen.goes_on, "{reason:?}");
    }
}

#[actix_web::test]
async fn a_connection_goes_away_in_three_ways() {
    let (_service, seen) = with(Fault::go_away(GoAway::Refused)).await;
    assert_eq!(seen.end, End::Reset(Reason::REFUSED_STREAM));
    assert!(!seen.goes_on);
    let (_service, seen) = with(Fault::go_away(GoAway::Lost)).await;
    assert_eq!((seen.status, seen.end), (0, End::GoneAway));
    assert!(!seen.goes_on);
    let (_service, seen) = with(Fault::go_away(GoAway::Answered)).await;
    assert_eq!(seen.trailers.as_ref().unwrap()["grpc-status"], "0");
    assert_eq!((&seen.end, seen.goes_on), (&End::Whole, false));
    assert_eq!(
        GetOrderResponse::decode(seen.message())
            .unwrap()
            .order
            .unwrap()
            .id,
        7
    );
}

#[actix_web::test]
async fn a_call_hangs_until_its_service_stops() {
    let (service, seen) = with(Fault::hang()).await;
    assert_eq!(
        (seen.status, seen.end, seen.goes_on),
        (0, End::Silence, true)
    );
    let mut client = OrderServiceClient::new(channel(&service).await);
    let hanging = tokio::spawn(async move { client.get_order(GetOrderRequest { id: 1 }).await });
    while service.calls_of("GetOrder") < 2 {
        tokio::task::yield_now().await;
    }
    timeout(GUARD, service.stop(true)).await.expect("an end");
    assert_eq!(code(hanging.await.unwrap()), Code::Unavailable);
}

#[actix_web::test]
async fn answers_are_misframed() {
    for fault in [
        GrpcAnswer::NoTrailers,
        GrpcAnswer::LateTrailers,
        GrpcAnswer::NoMessage,
        GrpcAnswer::TwoMessages,
        GrpcAnswer::CutMessage,
        GrpcAnswer::Compressed,
        GrpcAnswer::Large,
    ] {
        let (_service, seen) = with(Fault::grpc_answer(fault)).await;
        assert_eq!(seen.status, 200);
        assert_eq!(seen.header("content-type"), Some("application/grpc"));
        let is_silent = fault == GrpcAnswer::LateTrailers;
        let expected = if is_silent { End::Silence } else { End::Whole };
        assert_eq!(seen.end, expected, "{fault:?}");
        let ends_early = is_silent || fault == GrpcAnswer::NoTrailers;
        assert_eq!(seen.trailers.is_none(), ends_early, "{fault:?}");
        match fault {
            GrpcAnswer::NoMessage => assert!(seen.data.is_empty()),
            GrpcAnswer::TwoMessages => {
                let (one, other) = seen.data.split_at(seen.data.len() / 2);
                assert_eq!(one, other);
            }
            GrpcAnswer::CutMessage => {
                let length = u32::from_be_bytes(seen.data[1..5].try_into().unwrap());
                assert!(seen.data.len() > 5 && seen.data.len() < 5 + length as usize);
            }
            GrpcAnswer::Compressed => {
                assert_eq!(seen.data[0], 1);
                assert_eq!(seen.header("grpc-encoding"), None);
            }
            GrpcAnswer::NoTrailers | GrpcAnswer::LateTrailers | GrpcAnswer::Large => {
                let order = GetOrderResponse::decode(seen.message()).unwrap();
                assert_eq!(order.order.unwrap().id, 7);
                let is_large = seen.data.len() > 5 << 20;
                assert_eq!(is_large, fault == GrpcAnswer::Large);
            }
        }
    }
}

#[actix_web::test]
async fn messages_are_spoilt() {
    let (service, mut client) = order_service().await;
    let get = || GetOrderRequest { id: 7 };
    let with = |fault| service.faults().set(vec![Fault::body(fault)]);
    for fault in [BodyFault::Malformed, BodyFault::WrongShape, BodyFault::Html] {
        with(fault);
        assert_ne!(code(client.get_order(get()).await), Code::Ok, "{fault:?}");
    }
    with(BodyFault::Empty);
    let answer = client.get_order(get()).await.unwrap().into_inner();
    assert_eq!(answer.order, None);
    with(BodyFault::WrongId);
    let answer = client.get_order(get()).await.unwrap().into_inner();
    let wrong = answer.order.unwrap();
    let list = || ListOrdersRequest {
        page_size: 3,
        ..ListOrdersRequest::default()
    };
    let page = client.list_orders(list()).await.unwrap().into_inner();
    service.faults().clear();
    let right = client
        .get_order(get())
        .await
        .unwrap()
        .into_inner()
        .order
        .unwrap();
    assert_eq!(wrong.id, 8);
    assert_eq!(wrong, mock_order(right, 8));
    let sound = client.list_orders(list()).await.unwrap().into_inner();
    let ids = |orders: &[crate::grpc::contracts::orders::Order], more: i64| -> Vec<i64> {
        orders.iter().map(|order| order.id + more).collect()
    };
    assert_eq!(ids(&page.orders, 0), ids(&sound.orders, 1));
    assert_eq!(page.next_page_token, sound.next_page_token);
}

fn mock_order(
    order: crate::grpc::contracts::orders::Order,
    id: i64,
) -> crate::grpc::contracts::orders::Order {
    crate::grpc::contracts::orders::Order { id, ..order }
}

#[actix_web::test]
async fn a_fault_comes_before_the_work_or_after() {
    let placed = |after: bool, effect: Fault| async move {
        let service = orders::start(&options()).unwrap();
        let fault = effect.route(PLACE_ORDER);
        let fault = if after { fault.after() } else { fault };
        service.faults().set(vec![fault]);
        let message = PlaceOrderRequest::encode_to_vec(&two_books("key"));
        let seen = call(service.grpc_addr().unwrap(), PLACE_ORDER, &message).await;
        // Other methods are spared.
        assert_eq!(get_order(&service).await.end, End::Whole);
        (seen, service.placed().len())
    };
    for after in [false, true] {
        let work = usize::from(after);
        let (seen, count) = placed(after, Fault::grpc(Code::Internal)).await;
        assert_eq!((seen.header("grpc-status"), count), (Some("13"), work));
        let (seen, count) = placed(after, Fault::rst_stream(Reason::CANCEL)).await;
        assert_eq!((seen.end, count), (End::Reset(Reason::CANCEL), work));
        let (seen, count) = placed(after, Fault::go_away(GoAway::Lost)).await;
        assert_eq!((seen.end, count), (End::GoneAway, work));
        let (seen, count) = placed(after, Fault::hang()).await;
        assert_eq!((seen.end, count), (End::Silence, work));
        let (seen, count) = placed(after, Fault::status(500)).await;
        assert_eq!((seen.status, count), (500, work));
        let (seen, count) = placed(after, Fault::grpc_answer(GrpcAnswer::NoTrailers)).await;
        assert_eq!((seen.end, count), (End::Whole, 1));
    }
}

#[actix_web::test]
async fn times_shares_and_method_names_hold_for_calls() {
    let (service, mut client) = order_service().await;
    service.faults().set(vec![
        Fault::grpc_pushback(Code::ResourceExhausted, 40)
            .route("GetOrder")
            .times(2),
        Fault::latency_ms(0).share(0.5),
    ]);
    let mut refused = 0;
    for _ in 0..10 {
        if let Err(status) = client.get_order(GetOrderRequest { id: 1 }).await {
            assert_eq!(
                status.metadata().get("grpc-retry-pushback-ms").unwrap(),
                "40"
            );
            refused += 1;
        }
    }
    assert_eq!(refused, 2);
    let applied: Vec<_> = service
        .faults()
        .report()
        .iter()
        .map(|report| report.applied)
        .collect();
    assert_eq!(applied, [2, 5]);
}

#[actix_web::test]
async fn while_the_first_is_worked_on_the_second_is_told_to_wait() {
    let (service, mut client) = order_service().await;
    service
        .faults()
        .set(vec![Fault::hang().after().route("PlaceOrder").times(1)]);
    let mut first = client.clone();
    let hanging = tokio::spawn(async move { first.place_order(two_books("key")).await });
    while service.placed().is_empty() {
        tokio::task::yield_now().await;
    }
    let status = client.place_order(two_books("key")).await;
    let status = status.expect_err("in work");
    assert_eq!(status.code(), Code::Aborted);
    assert_eq!(
        status.metadata().get("grpc-retry-pushback-ms").expect("it"),
        "1000"
    );
    let http = post(
        service.addr(),
        "/orders",
        "key",
        crate::grpc_writes::TWO_BOOKS,
    )
    .await;
    assert_eq!(http.status, 409);
    hanging.abort();
    let _ = hanging.await;
    // Whose client has gone is worked on no more, as soon as the service sees it.
    loop {
        match client.place_order(two_books("key")).await {
            Ok(placed) => {
                break assert_eq!(
                    placed.metadata().get("idempotency-replayed").expect("it"),
                    "true"
                );
            }
            Err(status) => assert_eq!(status.code(), Code::Aborted),
        }
    }
    assert_eq!(service.placed().len(), 1);
}

#[actix_web::test]
async fn they_are_set_and_shown_over_http() {
    let service = orders::start(&options()).unwrap();
    let put = async |faults: &Value| {
        let body = json!({ "faults": faults }).to_string();
        send(service.addr(), "PUT", "/faults", &[], &body).await
    };
    let faults = json!([
        { "share": 1.0, "route": "GetOrder", "grpcStatus": { "code": "UNAVAILABLE", "message": "m", "retryPushbackMs": -1 } },
        { "share": 1.0, "times": 1, "route": GET_ORDER, "grpcAnswer": "cutMessage" },
        { "share": 1.0, "after": true, "rstStream": "REFUSED_STREAM" },
        { "share": 1.0, "goAway": "lost" },
    ]);
    let shown = put(&faults).await.json();
    for (shown, fault) in shown["faults"]
        .as_array()
        .unwrap()
        .iter()
        .zip(faults.as_array().unwrap())
    {
        for (name, value) in fault.as_object().unwrap() {
            assert_eq!(&shown[name], value);
        }
    }
    let set: Vec<_> = service
        .faults()
        .report()
        .into_iter()
        .map(|report| report.fault)
        .collect();
    service.faults().set(set);

    for (fault, complaint) in [
        (
            json!({ "grpcStatus": {} }),
            "faults[0].grpcStatus.code is missing",
        ),
        (
            json!({ "grpcStatus": { "code": "OK" } }),
            "faults[0].grpcStatus.code must be one of CANCELLED, ",
        ),
        (
            json!({ "grpcStatus": { "code": "UNKNOWN", "retryPushbackMs": -2 } }),
            "faults[0].grpcStatus.retryPushbackMs must be a whole number from -1 to 60000, not -2",
        ),
        (
            json!({ "grpcAnswer": "none" }),
            "faults[0].grpcAnswer must be one of noTrailers, lateTrailers",
        ),
        (
            json!({ "rstStream": 7 }),
            "faults[0].rstStream must be one of NO_ERROR, ",
        ),
        (
            json!({ "goAway": true }),
            "faults[0].goAway must be one of refused, lost, answered, not true",
        ),
        (
            json!({ "goAway": "lost", "route": "/orders" }),
            "faults[0].route must be one of /orders.v1.OrderService/GetOrder, ",
        ),
        (
            json!({ "goAway": "lost", "hang": true }),
            "faults[0] must have one of latency, status, hang, body, grpcStatus",
        ),
    ] {
        let detail = put(&json!([fault])).await.problem(400);
        assert!(detail.contains(complaint), "{complaint}: not in {detail}");
    }

    let options = mock_services::Options {
        grpc: None,
        ..options()
    };
    let service = orders::start(&options).unwrap();
    let body = json!({ "faults": [{ "goAway": "lost" }] }).to_string();
    let answer = send(service.addr(), "PUT", "/faults", &[], &body).await;
    let complaint = "faults[0] is for gRPC, which this service does not listen for";
    assert_eq!(answer.problem(400), complaint);
}
