//! Serving: everything between a socket and a route that does not depend on what is served.
//!
//! ```text
//! connection -> life      closes what actix's own time-outs leave open, and what is idle at the end
//!   request  -> edge      request id, limits, OPTIONS, deadline, panics, problems, 304, compression, CORS, headers, access line
//!     route  -> answer    body, Cache-Control and Server-Timing of a composed answer
//!     router              or, under a prefix of the settings: on to an upstream, as it came
//! ```
//!
//! A second listener, [`admin`](self), is for operators and orchestrators alone.

mod admin;
mod admission;
mod answer;
mod body;
mod caller;
pub mod command;
mod compress;
mod conditional;
mod config;
mod cors;
mod cursor;
mod edge;
mod ending;
mod headers;
pub mod idempotency;
pub mod input;
mod life;
mod lifecycle;
pub mod openapi;
mod paths;
mod problem;
mod request_id;
mod router;
mod server;
mod telemetry;

pub use answer::{changed, composed, created, written};
pub use caller::Caller;
pub use config::Config;
pub use cors::{CorsConfig, Origin};
pub use cursor::{Cursors, InvalidCursor};
pub use ending::{Stop, stop_signal};
pub use problem::{FieldError, Problem, ProblemBody};
use request_id::RequestId;
pub use router::{RouteConfig, Surroundings};
pub use server::{Bff, BindError, Server};
pub use telemetry::{Log, LogConfig, LogFormat};
