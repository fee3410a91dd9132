//! What the mobile app is shown.

pub(crate) mod order;
