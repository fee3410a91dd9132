//! bff-web through its ports: real servers, real sockets, faults injected.

mod helpers;
mod orders;
