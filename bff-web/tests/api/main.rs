//! bff-web through its ports: real servers, real sockets, faults injected.

mod admin;
mod bad_input;
mod caller;
mod cancel;
mod docs;
mod helpers;
mod logs;
mod openapi;
mod orders;
mod settings;
mod shutdown;
