//! The one folder that knows orders and customers: their services' contracts, the clients that speak them, and the
//! aggregate made of both. A team with other services replaces this folder and keeps the rest of the crate.

#[cfg(test)]
mod arbitrary;
pub mod customer;
mod id;
mod money;
pub mod order;
pub mod order_details;
mod services;

pub use id::{Id, InvalidId};
pub use money::Money;
pub use services::{Services, ServicesConfig};
