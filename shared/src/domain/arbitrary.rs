//! Whatever a service writes is read or refused: it never ends the process, and never makes something else of itself.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::customer::Customer;
use super::order::Order;

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "-?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(field(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "id",
            "description",
            "customerId",
            "lines",
            "price",
            "quantity",
            "total",
            "status",
            "placedAt",
            "currency",
            "name",
            "email",
            "phone",
            "address",
            "street",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z]{0,8}",
    ]
}

fn order() -> Value {
    json!({
        "id": 7, "description": "books", "customerId": 56, "status": "paid", "total": 5.5,
        "placedAt": "2026-01-02T03:04:05Z", "currency": "EUR",
        "lines": [{ "description": "a book", "quantity": 2, "price": 2.75 }],
    })
}

fn customer() -> Value {
    json!({ "id": 56, "name": "John Doe", "email": "john@example.com", "phone": "1", "address": { "street": "s" } })
}

/// What is read of `record` with `value` under the name `field`, as text that can be compared.
fn changed<T: serde::de::DeserializeOwned + std::fmt::Debug>(
    mut record: Value,
    field: &str,
    value: Value,
) -> Option<String> {
    record[field] = value;
    let read: T = serde_json::from_str(&record.to_string()).ok()?;
    Some(format!("{read:?}"))
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(serde_json::from_slice::<Order>(&bytes).is_err());
        prop_assert!(serde_json::from_slice::<Customer>(&bytes).is_err());
    }

    #[test]
    fn any_json_is_read_or_refused(value in anything()) {
        let text = value.to_string();
        if let Ok(order) = serde_json::from_str::<Order>(&text) {
            prop_assert!(value["lines"].is_array());
            prop_assert!(order.id.get() >= 1 && order.customer_id.get() >= 1);
        }
        if let Ok(customer) = serde_json::from_str::<Customer>(&text) {
            prop_assert!(customer.id.get() >= 1);
            prop_assert_eq!(value["name"].as_str(), Some(&*customer.name));
        }
    }

    #[test]
    fn a_field_of_another_kind_is_read_refused_or_absent(field in field(), value in anything()) {
        if let Some(order) = changed::<Order>(order(), &field, value.clone()) {
            prop_assert!(field == "id" || order.contains("Order { id: 7,"), "{order}");
        }
        if let Some(customer) = changed::<Customer>(customer(), &field, value) {
            prop_assert!(field == "id" || customer.contains("Customer { id: 56,"), "{customer}");
        }
    }

    #[test]
    fn what_is_not_known_makes_no_difference(name in "x[a-z]{1,8}", value in anything()) {
        prop_assert_eq!(
            changed::<Order>(order(), &name, value.clone()),
            changed::<Order>(order(), &name, Value::Null)
        );
        prop_assert_eq!(
            changed::<Customer>(customer(), &name, value),
            changed::<Customer>(customer(), &name, Value::Null)
        );
    }

    #[test]
    fn a_text_that_is_cut_anywhere_is_refused(share in 0.0..1.0_f64) {
        for text in [order().to_string(), customer().to_string()] {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a length")]
            let length = (text.len() as f64 * share) as usize;
            prop_assert!(serde_json::from_str::<Order>(&text[..length]).is_err());
            prop_assert!(serde_json::from_str::<Customer>(&text[..length]).is_err());
        }
    }
}
