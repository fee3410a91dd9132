//! The proxy before a service's gRPC, beside its HTTP.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

use mock_services::{
    Running, orders,
    proxy::{self, Options, Proxy, ProxyFault, Reset, Way},
    raw,
};
use prost::Message as _;
use tokio::{net::TcpStream, time::timeout};
use tonic::transport::{Channel, Endpoint};

use crate::{
    frames::{End, GUARD, Seen, call},
    grpc::{
        code,
        contracts::orders::{GetOrderRequest, order_service_client::OrderServiceClient},
        options,
    },
};

fn start() -> (Running, Proxy) {
    let service = orders::start(&options()).unwrap();
    let second = Way {
        listen: "127.0.0.1:0".parse().unwrap(),
        upstream: service.grpc_addr().unwrap(),
    };
    let options = Options {
        second: Some(second),
        ..Options::to(service.addr())
    };
    (service, proxy::start(&options).unwrap())
}

async fn client(proxy: &Proxy) -> OrderServiceClient<Channel> {
    let url = format!("http://{}", proxy.second_addr().unwrap());
    let channel = Endpoint::from_shared(url).unwrap().connect().await;
    OrderServiceClient::new(channel.unwrap())
}

async fn get_order(proxy: &Proxy) -> Seen {
    let message = GetOrderRequest { id: 7 }.encode_to_vec();
    let addr = proxy.second_addr().unwrap();
    call(addr, "/orders.v1.OrderService/GetOrder", &message).await
}

#[actix_web::test]
async fn calls_go_through_and_are_counted_one_by_one() {
    let (service, proxy) = start();
    let mut client = client(&proxy).await;
    for id in 1..=20 {
        let answer = client.get_order(GetOrderRequest { id }).await.unwrap();
        assert_eq!(answer.into_inner().order.unwrap().id, id);
    }
    assert_eq!((proxy.requests(), proxy.connections()), (20, 1));
    assert_eq!(service.calls_of("GetOrder"), 20);
    let http = raw::get(proxy.addr(), "/orders/1").await.unwrap();
    assert_eq!((http.status, proxy.requests()), (200, 21));
}

#[actix_web::test]
async fn both_addresses_have_the_same_faults() {
    let (_service, proxy) = start();
    let mut client = client(&proxy).await;
    let id = GetOrderRequest { id: 1 };
    client.get_order(id).await.unwrap();
    proxy.faults().set(vec![ProxyFault::refuse()]);
    assert!(client.get_order(id).await.is_err());
    assert!(TcpStream::connect(proxy.addr()).await.is_err());
    assert!(
        TcpStream::connect(proxy.second_addr().unwrap())
            .await
            .is_err()
    );
    proxy.faults().clear();
    client.get_order(id).await.unwrap();
    assert_eq!(
        raw::get(proxy.addr(), "/orders/1").await.unwrap().status,
        200
    );

    // One turn is one, at whichever address it is taken.
    proxy
        .faults()
        .set(vec![ProxyFault::reset_after_request().times(1)]);
    assert!(client.get_order(id).await.is_err());
    assert_eq!(
        raw::get(proxy.addr(), "/orders/1").await.unwrap().status,
        200
    );
    assert_eq!(proxy.faults().report()[0].applied, 1);
}

#[actix_web::test]
async fn a_reset_comes_at_its_moment() {
    for moment in [
        Reset::AfterRequest,
        Reset::BeforeHead,
        Reset::MidHead,
        Reset::AfterHead,
        Reset::MidBody,
    ] {
        let (service, proxy) = start();
        proxy.faults().set(vec![ProxyFault::reset(moment)]);
        let seen = get_order(&proxy).await;
        assert_eq!(
            (&seen.end, seen.goes_on),
            (&End::GoneAway, false),
            "{moment:?}"
        );
        assert!(seen.data.is_empty());
        let is_answered = moment != Reset::AfterRequest;
        assert_eq!(service.calls_of("GetOrder"), u64::from(is_answered));
    }
}

#[actix_web::test]
async fn silence_latency_and_garbage_fit_as_well() {
    let (_service, proxy) = start();
    for fault in [
        ProxyFault::hang(),
        ProxyFault::black_hole_requests().times(1),
        ProxyFault::black_hole_answers().times(1),
    ] {
        proxy.faults().set(vec![fault]);
        let mut client = client(&proxy).await;
        let hanging =
            tokio::spawn(async move { client.get_order(GetOrderRequest { id: 1 }).await });
        while proxy.faults().report()[0].applied < 1 {
            tokio::task::yield_now().await;
        }
        assert!(!hanging.is_finished());
        hanging.abort();
    }

    proxy.faults().set(vec![ProxyFault::latency_ms(1)]);
    let mut sound = client(&proxy).await;
    sound.get_order(GetOrderRequest { id: 1 }).await.unwrap();
    assert_eq!(proxy.faults().report()[0].applied, 1);
    proxy.faults().set(vec![ProxyFault::garbage()]);
    let answer = timeout(GUARD, sound.get_order(GetOrderRequest { id: 1 })).await;
    assert_ne!(code(answer.unwrap()), tonic::Code::Ok);

    // What is made for HTTP/1.1 passes HTTP/2 by, and does not count.
    proxy.faults().set(vec![ProxyFault::early_hints()]);
    let seen = get_order(&proxy).await;
    assert_eq!((seen.end, seen.goes_on), (End::Whole, true));
    assert_eq!(proxy.faults().report()[0].applied, 0);
}
