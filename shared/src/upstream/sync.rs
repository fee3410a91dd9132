//! What the line and the shared calls are built on. Their tests build them on something else (`concurrency/sync.rs`).

pub(super) use std::sync::atomic::AtomicUsize;
pub(super) use std::sync::{Mutex, MutexGuard};

pub(super) use tokio::sync::{Notify, watch};
pub(super) use tokio::task::AbortHandle;
