//! The messages of `proto/`, made by `build.rs`.

/// `customers/v1/customers.proto`.
pub mod customers {
    include!(concat!(env!("OUT_DIR"), "/customers.v1.rs"));
}

/// `orders/v1/orders.proto`.
#[expect(clippy::doc_markdown, reason = "some of the words are the generator's")]
pub mod orders {
    include!(concat!(env!("OUT_DIR"), "/orders.v1.rs"));
}
