//! Whether a server answers what it should, before it is measured.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::Result;

/// The orders that are asked for, here and under load: many customers, and answers of many sizes.
pub(crate) const ORDERS: std::ops::RangeInclusive<u32> = 1..=100;

/// What the services say of one order and its customer.
pub(crate) struct Expected {
    order: Value,
    customer: Value,
}

/// How a server shows what the services say.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// The customer put into the order as it is.
    Merged,
    /// bff-web's view.
    View,
}

/// Asks the services themselves.
pub(crate) fn expected(orders: SocketAddr, customers: SocketAddr) -> Result<Vec<Expected>> {
    let one = |id| {
        let order = get(orders, &format!("/orders/{id}"))?;
        let customer = get(customers, &format!("/customers/{}", order["customerId"]))?;
        Ok(Expected { order, customer })
    };
    ORDERS.map(one).collect()
}

/// Asks the server at `addr` for every order.
pub(crate) fn check(addr: SocketAddr, shape: Shape, expected: &[Expected]) -> Result<()> {
    for (id, expected) in ORDERS.zip(expected) {
        let path = format!("/orders/{id}");
        let answer = get(addr, &path)?;
        let is_right = match shape {
            Shape::Merged => is_merged(&answer, expected),
            Shape::View => is_view(&answer, expected),
        };
        if !is_right {
            return Err(format!("a wrong answer to {path}: {answer}").into());
        }
    }
    Ok(())
}

fn is_merged(answer: &Value, Expected { order, customer }: &Expected) -> bool {
    let mut merged = order.clone();
    merged["customer"] = customer.clone();
    *answer == merged
}

fn is_view(answer: &Value, Expected { order, customer }: &Expected) -> bool {
    let same = |keys: &[&str], shown: &Value, said: &Value| {
        keys.iter().all(|key| is_same(&shown[key], &said[key]))
    };
    let lines = |of: &Value| of["lines"].as_array().cloned().unwrap_or_default();
    let (shown, said) = (lines(answer), lines(order));
    same(
        &[
            "id",
            "description",
            "total",
            "status",
            "placedAt",
            "currency",
        ],
        answer,
        order,
    ) && same(
        &["id", "name", "email", "phone", "address"],
        &answer["customer"],
        customer,
    ) && shown.len() == said.len()
        && shown
            .iter()
            .zip(&said)
            .all(|(shown, said)| same(&["description", "price"], shown, said))
        && ["order", "customer"]
            .iter()
            .all(|source| answer["sources"][source]["state"] == "fresh")
}

/// Numbers are the same by their value: one may be written 2, the other 2.0.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-9,
        _ => one == other,
    }
}

/// One GET on a connection of its own.
pub(crate) fn get(addr: SocketAddr, path: &str) -> Result<Value> {
    let failed = |why: String| format!("http://{addr}{path}: {why}");
    let exchange = || -> std::io::Result<String> {
        let mut connection = TcpStream::connect(addr)?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            connection,
            "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange().map_err(|error| failed(error.to_string()))?;
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body)
        .unwrap_or_default();
    if !answer.starts_with("HTTP/1.1 200 ") {
        return Err(failed(format!("{:?}", answer.lines().next())).into());
    }
    Ok(serde_json::from_str(body).map_err(|error| failed(error.to_string()))?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_view_is_right_only_with_the_customer_of_the_order() {
        let order = json!({"id": 1, "description": "d", "total": 2.0, "lines": [{"description": "a", "price": 2}]});
        let customer = json!({"id": 7, "name": "n", "email": "e"});
        let fresh = json!({"order": {"state": "fresh"}, "customer": {"state": "fresh"}});
        let mut view = json!({"id": 1, "description": "d", "total": 2, "status": null, "sources": fresh,
            "lines": [{"description": "a", "quantity": 1, "price": 2.0}], "customer": customer});
        let expected = Expected { order, customer };
        assert!(is_view(&view, &expected));
        assert!(!is_merged(&view, &expected));
        view["customer"]["name"] = "m".into();
        assert!(!is_view(&view, &expected));
    }
}
