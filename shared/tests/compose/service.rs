//! A service that knows two orders, one customer, and the shipment of the first order.

use actix_web::web::{Path, get};
use actix_web::{App, HttpResponse, HttpServer};
use serde_json::json;

async fn order(id: Path<u64>) -> HttpResponse {
    let id = id.into_inner();
    if id > 2 {
        return HttpResponse::NotFound().finish();
    }
    HttpResponse::Ok().json(json!({
        "id": id, "description": "honey", "customerId": 7,
        "lines": [{ "description": "a jar", "quantity": 2, "price": 2.75 }],
    }))
}

async fn customer(id: Path<u64>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "id": *id, "name": "Jane Doe", "email": "jane@example.com" }))
}

async fn shipment(id: Path<u64>) -> HttpResponse {
    if *id == 1 {
        HttpResponse::Ok().json(json!({ "carrier": "By bicycle", "arrives": "2026-12-01" }))
    } else {
        HttpResponse::ServiceUnavailable().finish()
    }
}

/// Starts it, on a free port; comes back with its URL.
pub(crate) fn start() -> String {
    let server = HttpServer::new(|| {
        App::new()
            .route("/orders/{id}", get().to(order))
            .route("/customers/{id}", get().to(customer))
            .route("/shipments/{id}", get().to(shipment))
    });
    let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    actix_web::rt::spawn(server.disable_signals().run());
    url
}
