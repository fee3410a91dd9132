//! What the web client is shown.

pub(crate) mod order;
