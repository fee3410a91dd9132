//! What the mobile app is shown.

mod cut;
pub(crate) mod home;
pub(crate) mod order;
pub(crate) mod orders;
