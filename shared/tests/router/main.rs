//! Requests passed on to an upstream, over real connections on both sides.
//!
//! What a user tries, expects, and gets wrong:
//!
//! | they | expect | tests |
//! |---|---|---|
//! | read through a prefix | the service's answer, byte for byte, status and fields with it | `answers` |
//! | ask for another path than they seem to | a refusal, whatever the spelling | `paths` |
//! | say who they are, or that they come over TLS | that only proxies they trust are believed | `heads` |
//! | send fields for one connection alone | that they end there | `heads`, `answers` |
//! | smuggle a second request | a 400 and a closed connection | `smuggling` |
//! | upload and download what is larger than memory | that either side is held back | `streaming` |
//! | follow events | each as it comes | `streaming` |
//! | talk over WebSocket | both ways, until either side has had enough | `websocket` |
//! | upload too much, too slowly | 413, 408 | `bodies` |
//! | leave in the middle | that nothing goes on behind them | `leaving` |
//! | have a service that fails, hangs, or breaks off | 502, 503, 504, or a broken connection; never half for whole | `failing` |
//! | write settings | every fault at once, by its key | `settings` |

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

mod answers;
mod bodies;
mod cors;
mod failing;
mod heads;
mod leaving;
mod paths;
mod settings;
mod smuggling;
mod stack;
mod streaming;
mod websocket;
mod wire;
