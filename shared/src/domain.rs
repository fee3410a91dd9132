//! The one folder that knows orders and customers: their services' contracts, the clients that speak them, and the
//! aggregates made of both. A team with other services replaces this folder and keeps the rest of the crate.

#[cfg(test)]
mod arbitrary;
pub mod customer;
pub mod customer_overview;
mod desk;
mod id;
mod money;
pub mod order;
pub mod order_details;
pub mod order_list;
pub mod proto;
mod services;

pub use id::{Id, InvalidId};
pub use money::Money;
pub use services::{OrderDesk, Services, ServicesConfig};
