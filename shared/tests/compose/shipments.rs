//! The example of docs/compose.md: an order with its customer, and a third service that says where its shipment is.

use actix_web::HttpResponse;
use actix_web::body::to_bytes;
use actix_web::http::header::CACHE_CONTROL;
use bff_shared::aggregate;
use bff_shared::compose::{Omit, Source};
use bff_shared::domain::customer::{Customer, CustomerClient, CustomerId};
use bff_shared::domain::order::{Order, OrderClient, OrderId};
use bff_shared::serve::{Problem, composed};
use bff_shared::upstream::{
    Answer, Client, Cluster, Config, Context, Deadline, Error, ErrorKind, Instant, Request,
    Response, Target,
};
use serde::{Deserialize, Serialize};

use crate::{page, service};

#[derive(Debug, Deserialize)]
struct Shipment {
    carrier: String,
    arrives: String,
}

#[derive(Debug, Clone)]
struct ShipmentClient(Client);

impl ShipmentClient {
    async fn get(&self, context: &Context, id: OrderId) -> Result<Answer<Shipment>, Error> {
        let request = Request::get(format!("/shipments/{id}"));
        self.0.call(context, request, Response::json).await
    }
}

#[derive(Debug)]
struct Desk {
    orders: OrderClient,
    customers: CustomerClient,
    shipments: ShipmentClient,
}

aggregate! {
    /// An order, whose it is, and where it is.
    struct Tracked, ladders TrackedLadders, from (desk: &Desk, id: OrderId);

    /// The order.
    required order: Order => |context| desk.orders.get(context, id);
    /// Its customer: only the order says whose it is.
    optional customer<C>: Customer, for customer_id: CustomerId = order.customer_id, after order
        => |context| desk.customers.get(context, customer_id);
    /// Where it is: asked at once, beside the order.
    optional shipment<S>: Shipment, for order_id: OrderId = id
        => |context| desk.shipments.get(context, order_id);
}

const TRACKED: TrackedLadders<Omit, Omit> = TrackedLadders {
    customer: Omit,
    shipment: Omit,
};

async fn tracked(context: &Context, desk: &Desk, id: OrderId) -> Result<HttpResponse, Problem> {
    let tracked = TRACKED
        .compose(context, desk, id)
        .await
        .map_err(|error| Problem::upstream("order", &error))?;
    let customer = tracked.customer.value.as_ref();
    let shipment = tracked.shipment.value.as_ref();
    let view = TrackedView {
        id: id.get(),
        description: &tracked.order.value.description,
        customer: customer.map(|customer| &*customer.name),
        shipment: shipment.map(|shipment| ShipmentView {
            carrier: &shipment.carrier,
            arrives: &shipment.arrives,
        }),
        sources: SourcesView {
            order: tracked.order.provenance.source,
            customer: tracked.customer.provenance.source,
            shipment: tracked.shipment.provenance.source,
        },
    };
    composed(&view, &tracked.sources())
}

#[derive(Serialize)]
struct TrackedView<'a> {
    id: u64,
    description: &'a str,
    customer: Option<&'a str>,
    shipment: Option<ShipmentView<'a>>,
    sources: SourcesView,
}

#[derive(Serialize)]
struct ShipmentView<'a> {
    carrier: &'a str,
    arrives: &'a str,
}

#[derive(Serialize)]
struct SourcesView {
    order: Source,
    customer: Source,
    shipment: Source,
}

fn desk(url: &str) -> Desk {
    let client = |name| {
        let config = Config::new(vec![Target::parse(url).unwrap()]);
        Client::new(Cluster::new(name, config))
    };
    Desk {
        orders: OrderClient::new(client("orders")),
        customers: CustomerClient::new(client("customers")),
        shipments: ShipmentClient(client("shipments")),
    }
}

async fn ask(id: u64) -> Result<HttpResponse, Problem> {
    // Far more than anything here takes.
    let deadline = Deadline::after(Instant::now(), std::time::Duration::from_secs(30));
    let desk = desk(&service::start());
    tracked(&Context::new(deadline), &desk, OrderId::new(id).unwrap()).await
}

async fn body(response: HttpResponse) -> serde_json::Value {
    let body = to_bytes(response.into_body()).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[actix_web::test]
async fn with_every_source_the_client_gets_what_the_page_says() {
    let response = ask(1).await.unwrap();
    assert!(response.headers().contains_key("server-timing"));
    assert_eq!(body(response).await, page::answers()[0]);
}

#[actix_web::test]
async fn without_the_third_service_it_gets_the_rest_and_the_reason() {
    let response = ask(2).await.unwrap();
    let cache_control = response.headers().get(CACHE_CONTROL).unwrap();
    assert_eq!(cache_control, "no-store");
    assert_eq!(body(response).await, page::answers()[1]);
}

#[actix_web::test]
async fn without_the_required_one_there_is_no_answer() {
    let problem = ask(3).await.unwrap_err();
    let not_found = Problem::of_kind("order", ErrorKind::NotFound);
    assert_eq!(problem.to_string(), not_found.to_string());
}
