//! What the web client is shown.

pub(crate) mod customer;
pub(crate) mod customer_overview;
pub(crate) mod order;
pub(crate) mod order_list;
