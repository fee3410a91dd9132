//! Serving: everything between a socket and a route that does not depend on what is served.
//!
//! ```text
//! connection -> life      closes what actix's own time-outs leave open, and what is idle at the end
//!   request  -> edge      request id, limits, deadline, panics, problems, 304, headers, access line
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
mod conditional;
mod config;
mod edge;
mod ending;
mod headers;
mod life;
mod lifecycle;
pub mod openapi;
mod paths;
mod problem;
mod request_id;
mod router;
mod server;
mod telemetry;

pub use answer::composed;
pub use caller::Caller;
pub use config::Config;
pub use ending::{Stop, stop_signal};
pub use problem::{Problem, ProblemBody};
use request_id::RequestId;
pub use router::{RouteConfig, Surroundings};
pub use server::{Bff, BindError, Server};
pub use telemetry::{Log, LogConfig, LogFormat};
