//! The server around the methods: health, reflection, what is no call, and its end.

use std::time::Duration;

use mock_services::{Options, Running, fault::Fault, orders};
use tokio::time::timeout;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::grpc::{
    channel,
    contracts::orders::{GetOrderRequest, order_service_client::OrderServiceClient},
    options,
};

/// Far longer than anything here takes.
const GUARD: Duration = Duration::from_secs(20);

fn start() -> Running {
    orders::start(&options()).expect("a free port")
}

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

#[actix_web::test]
async fn health_is_told_and_watched() {
    let service = start();
    let mut client = HealthClient::new(channel(&service).await);
    let mut watch = (client.watch(of("")).await).expect("a stream").into_inner();
    let mut unknown = (client.watch(of("nobody")).await)
        .expect("a stream")
        .into_inner();
    let first = unknown.message().await.expect("a message").expect("one");
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);
    for expected in [
        ServingStatus::Serving,
        ServingStatus::NotServing,
        ServingStatus::Serving,
    ] {
        service.set_serving(expected == ServingStatus::Serving);
        for name in ["", "orders.v1.OrderService"] {
            let answer = client.check(of(name)).await.expect("an answer");
            assert_eq!(answer.into_inner().status(), expected);
        }
        let told = watch.message().await.expect("a message").expect("one");
        assert_eq!(told.status(), expected);
    }
    let status = client.check(of("customers.v1.CustomerService")).await;
    assert_eq!(status.expect_err("unknown").code(), Code::NotFound);
    assert_eq!(service.requests(), 0);
    // Who watches does not hold the end up.
    timeout(GUARD / 5, service.stop(true))
        .await
        .expect("an end");
    assert_eq!(watch.message().await.expect("no error"), None);
}

#[actix_web::test]
async fn reflection_tells_the_contracts() {
    let service = start();
    let mut client = ServerReflectionClient::new(channel(&service).await);
    let mut ask = async |request| {
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(request),
        };
        let answers = client.server_reflection_info(futures_util::stream::iter([request]));
        let mut answers = answers.await.expect("a stream").into_inner();
        let answer = answers.message().await.expect("a message").expect("one");
        answer.message_response.expect("a response")
    };
    let services = ask(MessageRequest::ListServices(String::new())).await;
    let MessageResponse::ListServicesResponse(services) = services else {
        panic!("{services:?}");
    };
    let names: Vec<_> = services
        .service
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert!(names.contains(&"orders.v1.OrderService"), "{names:?}");
    assert!(names.contains(&"grpc.health.v1.Health"), "{names:?}");
    let symbol = MessageRequest::FileContainingSymbol("orders.v1.Order".to_owned());
    let file = ask(symbol).await;
    assert!(
        matches!(&file, MessageResponse::FileDescriptorResponse(file) if !file.file_descriptor_proto.is_empty()),
        "{file:?}"
    );
}

#[actix_web::test]
async fn a_graceful_end_lets_calls_finish() {
    let service = start();
    let mut client = OrderServiceClient::new(channel(&service).await);
    // Who is made to wait is let go when the service stops, and answered.
    let fault = Fault::latency_ms(60_000);
    service.faults().set(vec![fault.route("GetOrder")]);
    let mut waiting = client.clone();
    let waiting = tokio::spawn(async move { waiting.get_order(GetOrderRequest { id: 7 }).await });
    while service.calls_of("GetOrder") < 1 {
        tokio::task::yield_now().await;
    }
    timeout(GUARD, service.stop(true)).await.expect("an end");
    let answer = waiting.await.expect("no panic").expect("an order");
    assert_eq!(answer.into_inner().order.expect("one").id, 7);
    let status = client.get_order(GetOrderRequest { id: 1 }).await;
    assert_eq!(status.expect_err("gone").code(), Code::Unavailable);
}

#[actix_web::test]
async fn without_its_address_there_is_no_grpc() {
    let service = orders::start(&Options::default()).expect("a free port");
    assert_eq!(service.grpc_addr(), None);
    // It is no error to say so of a service that nobody asks.
    service.set_serving(false);
    assert_eq!(service.calls_of("GetOrder"), 0);
    service.stop(true).await;
}
