//! What both services answer over gRPC, asked by a client of others.

use std::net::SocketAddr;

use mock_services::{Options, Running, customers, fixtures::FIRST_ORDERS_CUSTOMER, orders};
use serde_json::{Value, json};
use tonic::{Code, Request, Status, transport::Channel};

use crate::{grpc_writes::two_books, http::get};

use self::contracts::{
    customers::{
        BatchGetCustomersRequest, Customer, GetCustomerRequest, customer::Address,
        customer_service_client::CustomerServiceClient,
    },
    orders::{
        GetOrderRequest, ListOrdersRequest, Order, OrderStatus,
        order_service_client::OrderServiceClient,
    },
};

/// What the .proto files become in a client.
pub(crate) mod contracts {
    #[expect(
        clippy::doc_markdown,
        unreachable_pub,
        unused_qualifications,
        reason = "generated"
    )]
    pub(crate) mod orders {
        include!(concat!(env!("OUT_DIR"), "/clients/orders.v1.rs"));
    }
    #[expect(
        clippy::doc_markdown,
        unreachable_pub,
        unused_qualifications,
        reason = "generated"
    )]
    pub(crate) mod customers {
        include!(concat!(env!("OUT_DIR"), "/clients/customers.v1.rs"));
    }
}

pub(crate) const ANY_PORT: Option<SocketAddr> = Some(SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    0,
));

pub(crate) fn options() -> Options {
    Options {
        grpc: ANY_PORT,
        faults: true,
        ..Options::default()
    }
}

pub(crate) async fn channel(service: &Running) -> Channel {
    let endpoint = tonic::transport::Endpoint::from_shared(service.grpc_url()).expect("a URL");
    endpoint.connect().await.expect("it listens")
}

pub(crate) async fn order_service() -> (Running, OrderServiceClient<Channel>) {
    let service = orders::start(&options()).expect("a free port");
    let client = OrderServiceClient::new(channel(&service).await);
    (service, client)
}

async fn customer_service() -> (Running, CustomerServiceClient<Channel>) {
    let service = customers::start(&options()).expect("a free port");
    let client = CustomerServiceClient::new(channel(&service).await);
    (service, client)
}

pub(crate) fn code<T>(answer: Result<T, Status>) -> Code {
    answer.err().map_or(Code::Ok, |status| status.code())
}

/// What HTTP gives for an order, made of what gRPC does.
pub(crate) fn as_json(order: &Order) -> Value {
    let number = |text: &str| json!(text.parse::<f64>().expect("a number"));
    let lines = order.lines.iter().map(|line| {
        let mut json = json!({
            "description": line.description, "price": number(&line.price),
        });
        if let Some(quantity) = line.quantity {
            json["quantity"] = json!(quantity);
        }
        json
    });
    let mut json = json!({
        "id": order.id,
        "description": order.description,
        "customerId": order.customer_id,
        "lines": lines.collect::<Vec<_>>(),
        "total": number(order.total.as_deref().expect("a total")),
    });
    let status = order.status().as_str_name();
    if order.status() != OrderStatus::Unspecified {
        let status = status.strip_prefix("ORDER_STATUS_").expect("a status");
        json["status"] = json!(status.to_lowercase());
    }
    if let Some(time) = order.placed_at {
        json["placedAt"] = json!((time.seconds, time.nanos));
    }
    if let Some(currency) = &order.currency {
        json["currency"] = json!(currency);
    }
    json
}

/// The same order from HTTP, with its numbers and times spelt alike.
pub(crate) fn alike(mut order: Value) -> Value {
    let float = |value: &mut Value| *value = json!(value.as_f64().expect("a number"));
    float(&mut order["total"]);
    for line in order["lines"].as_array_mut().expect("lines") {
        float(&mut line["price"]);
    }
    if let Some(time) = order.get("placedAt").and_then(Value::as_str) {
        let time: jiff::Timestamp = time.parse().expect("RFC 3339");
        order["placedAt"] = json!((time.as_second(), time.subsec_nanosecond()));
    }
    order
}

#[actix_web::test]
async fn an_order_is_the_same_as_over_http() {
    let (service, mut client) = order_service().await;
    for id in 1..=60 {
        let answer = client.get_order(GetOrderRequest { id }).await;
        let order = answer.expect("an order").into_inner().order;
        let http = get(&service, &format!("/orders/{id}")).await.json();
        assert_eq!(as_json(&order.expect("an order")), alike(http));
    }
    let first = client.get_order(GetOrderRequest { id: 1 }).await;
    let first = first.expect("an order").into_inner().order.expect("one");
    assert_eq!(first.total.as_deref(), Some("5.50"));
    assert_eq!(first.lines[0].price, "3.50");
    assert_eq!(first.lines[0].quantity, None);
    assert_eq!((first.placed_at, first.currency), (None, None));

    let status = client.get_order(GetOrderRequest { id: 20_000 }).await;
    let status = status.expect_err("none");
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.message(), "there is no order 20000");
    for id in [0, -1, 1 << 53, i64::MAX] {
        let answer = client.get_order(GetOrderRequest { id }).await;
        assert_eq!(code(answer), Code::InvalidArgument, "{id}");
    }
    assert_eq!(service.calls_of("GetOrder"), 66);
    assert_eq!(service.calls_of("/orders.v1.OrderService/ListOrders"), 0);
    assert_eq!(service.requests_of("GET", "/orders/{id}"), 60);
    assert_eq!(service.requests(), 126);
}

#[actix_web::test]
#[should_panic(expected = "GetOrders is not counted; the methods are")]
async fn a_misspelt_method_is_no_count_of_zero() {
    let (service, _) = order_service().await;
    let _ = service.calls_of("GetOrders");
}

#[actix_web::test]
async fn pages_are_the_same_as_over_http() {
    let (service, mut client) = order_service().await;
    let mut request = ListOrdersRequest {
        customer_id: Some(56),
        page_size: 3,
        ..ListOrdersRequest::default()
    };
    let mut target = "/orders?customerId=56&limit=3".to_owned();
    let mut pages = 0;
    loop {
        let page = client.list_orders(request.clone()).await.expect("a page");
        let page = page.into_inner();
        let http = get(&service, &target).await.json();
        let items = http["items"].as_array().expect("items").clone();
        let items: Vec<_> = items.into_iter().map(alike).collect();
        let orders: Vec<_> = page.orders.iter().map(as_json).collect();
        assert_eq!(orders, items);
        pages += 1;
        let Some(cursor) = http["nextCursor"].as_str() else {
            assert_eq!(page.next_page_token, "");
            break;
        };
        assert_eq!(page.next_page_token, cursor);
        target = format!("/orders?customerId=56&limit=3&cursor={cursor}");
        request.page_token = page.next_page_token;
    }
    assert!(pages > 1);

    let request = ListOrdersRequest {
        status: OrderStatus::Paid.into(),
        ..ListOrdersRequest::default()
    };
    let page = client.list_orders(request).await.expect("a page");
    let page = page.into_inner();
    assert_eq!(page.orders.len(), 20);
    assert!((page.orders.iter()).all(|order| order.status() == OrderStatus::Paid));

    for wrong in [
        ListOrdersRequest {
            customer_id: Some(0),
            ..ListOrdersRequest::default()
        },
        ListOrdersRequest {
            status: 6,
            ..ListOrdersRequest::default()
        },
        ListOrdersRequest {
            page_size: 101,
            ..ListOrdersRequest::default()
        },
        ListOrdersRequest {
            page_size: -1,
            ..ListOrdersRequest::default()
        },
        ListOrdersRequest {
            page_token: "7".to_owned(),
            ..ListOrdersRequest::default()
        },
    ] {
        let answer = client.list_orders(wrong.clone()).await;
        assert_eq!(code(answer), Code::InvalidArgument, "{wrong:?}");
    }
}

fn person(customer: Customer) -> Value {
    let mut json = json!({
        "id": customer.id, "name": customer.name, "email": customer.email,
    });
    if let Some(phone) = customer.phone {
        json["phone"] = json!(phone);
    }
    if let Some(Address::AddressParts(parts)) = customer.address {
        json["address"] = json!({
            "street": parts.street, "postcode": parts.postcode,
            "city": parts.city, "country": parts.country,
        });
    }
    json
}

#[actix_web::test]
async fn customers_are_the_same_as_over_http() {
    let (service, mut client) = customer_service().await;
    for id in 1..=60 {
        let answer = client.get_customer(GetCustomerRequest { id }).await;
        let customer = answer.expect("a customer").into_inner().customer;
        let mut http = get(&service, &format!("/customers/{id}")).await.json();
        http.as_object_mut().expect("a record").remove("tier");
        assert_eq!(person(customer.expect("a customer")), http);
    }
    for (id, expected) in [(0, Code::InvalidArgument), (1_001, Code::NotFound)] {
        let answer = client.get_customer(GetCustomerRequest { id }).await;
        assert_eq!(code(answer), expected);
    }
    let batch = |ids: Vec<i64>| BatchGetCustomersRequest { ids };
    let john = i64::try_from(FIRST_ORDERS_CUSTOMER).expect("small");
    let found = client
        .batch_get_customers(batch(vec![7, 1_001, john, 7]))
        .await
        .expect("customers");
    let found = found.into_inner().customers;
    let ids: Vec<_> = found.iter().map(|customer| customer.id).collect();
    assert_eq!(ids, [7, john]);
    let hundred = client.batch_get_customers(batch((1..=100).collect()));
    let hundred = hundred.await.expect("customers").into_inner();
    assert_eq!(hundred.customers.len(), 100);
    for wrong in [vec![], vec![0], (1..=101).collect()] {
        let answer = client.batch_get_customers(batch(wrong)).await;
        assert_eq!(code(answer), Code::InvalidArgument);
    }
    assert_eq!(service.calls_of("BatchGetCustomers"), 5);
}

#[actix_web::test]
async fn batches_can_be_missing() {
    let options = Options {
        no_batch: Some(405),
        ..options()
    };
    let service = customers::start(&options).expect("a free port");
    let mut client = CustomerServiceClient::new(channel(&service).await);
    let batch = BatchGetCustomersRequest { ids: vec![56] };
    let answer = client.batch_get_customers(batch).await;
    assert_eq!(code(answer), Code::Unimplemented);
    let one = client.get_customer(GetCustomerRequest { id: 56 }).await;
    assert_eq!(code(one), Code::Ok);
}

#[actix_web::test]
async fn metadata_is_the_requests_id_and_what_was_asked_for() {
    let options = Options {
        grpc_cache_control: Some("max-age=7".to_owned()),
        ..options()
    };
    let service = orders::start(&options).expect("a free port");
    let mut client = OrderServiceClient::new(channel(&service).await);
    let asked = |id| {
        let mut request = Request::new(GetOrderRequest { id });
        let value = "a-1".parse().expect("a value");
        request.metadata_mut().insert("x-request-id", value);
        request
    };
    let answer = client.get_order(asked(1)).await.expect("an order");
    assert_eq!(answer.metadata().get("x-request-id").expect("it"), "a-1");
    assert_eq!(
        answer.metadata().get("cache-control").expect("it"),
        "max-age=7"
    );
    let status = client.get_order(asked(20_000)).await.expect_err("none");
    assert_eq!(status.metadata().get("x-request-id").expect("it"), "a-1");
    assert!(!status.metadata().contains_key("cache-control"));
    let placed = client.place_order(two_books("key")).await.expect("placed");
    assert!(!placed.metadata().contains_key("cache-control"));
    assert!(!placed.metadata().contains_key("x-request-id"));

    let (_service, mut client) = order_service().await;
    let answer = client.get_order(asked(1)).await.expect("an order");
    assert!(!answer.metadata().contains_key("cache-control"));
}
