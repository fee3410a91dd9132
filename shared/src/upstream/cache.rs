//! What an upstream has said, kept for as long as it allows (RFC 9111), and beyond that for when it fails (RFC 5861).

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use moka::sync::Cache as Store;
use serde::Serialize;

use super::freshness::Allowance;
use super::{Error, ErrorKind, Instant, Request};
use crate::config::Section;

/// Settings of the cache of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheConfig {
    /// The bound of all answers together, in bytes; 0 for no cache.
    pub max_bytes: u32,
    /// How long an answer is fresh that says nothing of it.
    pub default_ttl: Duration,
    /// How long an answer that says nothing of it may be given stale while it is renewed.
    pub stale_while_revalidate: Duration,
    /// How long an answer that says nothing of it may be given stale when it cannot be renewed.
    pub stale_if_error: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            max_bytes: 64 * 1024 * 1024,
            default_ttl: Duration::ZERO,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::from_secs(300),
        }
    }
}

impl CacheConfig {
    /// Reads the keys of the section `cache`.
    pub fn read(section: &mut Section<'_>) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let default = Self::default();
        Self {
            max_bytes: section.integer(
                "max_bytes",
                default.max_bytes,
                0..=u32::MAX,
                "The bound of all kept answers together, in bytes; 0 for no cache and no sharing of calls.",
            ),
            default_ttl: section.duration(
                "default_ttl",
                default.default_ttl,
                Duration::ZERO..=DAY,
                "How long an answer is fresh whose headers say nothing of it.",
            ),
            stale_while_revalidate: section.duration(
                "stale_while_revalidate",
                default.stale_while_revalidate,
                Duration::ZERO..=DAY,
                "How long after that it is given at once while it is renewed, unless its headers say otherwise.",
            ),
            stale_if_error: section.duration(
                "stale_if_error",
                default.stale_if_error,
                Duration::ZERO..=DAY,
                "How long after that it is given when it cannot be renewed, unless its headers say otherwise.",
            ),
        }
    }
}

/// How long "not found" is kept at most: who has just made a thing must find it.
const MISSING_AT_MOST: Duration = Duration::from_secs(1);

/// How long it is remembered that a target's answers are not to be shared.
const UNSHARED: Duration = Duration::from_secs(10);

/// What an answer is kept under: everything that the request says of its own. What is passed on with every request
/// (its id, its trace) selects no answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key(Arc<Selected>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Selected {
    /// What the answer is decoded as.
    kind: TypeId,
    /// Counts the writes since which it is asked for.
    generation: u64,
    target: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The message of a gRPC call.
    body: Bytes,
}

impl Key {
    /// The key of `request`, whose answer is read as a `T`, in this generation of its tag.
    pub(super) fn of<T: 'static>(request: &Request, generation: u64) -> Self {
        let headers = request.headers.iter();
        let mut headers: Vec<_> = headers
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        headers.sort_by(|one, other| one.0.as_str().cmp(other.0.as_str()));
        Self(Arc::new(Selected {
            kind: TypeId::of::<T>(),
            generation,
            target: request.target.clone(),
            headers,
            body: request.body.clone(),
        }))
    }

    fn bytes(&self) -> usize {
        let headers = self.0.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        self.0.target.len() + headers + self.0.body.len()
    }
}

/// What came, decoded, with all that its headers say of keeping it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// An `Arc` of what the key says it was decoded as; `None` for "not found".
    pub(super) value: Option<Arc<dyn Any + Send + Sync>>,
    pub(super) allowance: Allowance,
    pub(super) received: Instant,
    pub(super) etag: Option<HeaderValue>,
    pub(super) last_modified: Option<HeaderValue>,
    pub(super) status: StatusCode,
    /// A hash of the body.
    pub(super) validator: u64,
    /// The size of the body in bytes, which stands for that of the value.
    pub(super) bytes: usize,
    /// Whether the service said of an older one that it is still so (304).
    pub(super) renewed: bool,
}

impl Entry {
    /// Its age at `now`, from when the service made it.
    pub(super) fn age(&self, now: Instant) -> Duration {
        self.allowance.age + now.saturating_duration_since(self.received)
    }

    /// The same on the terms of a 304 (RFC 9111, section 4.3.4).
    pub(super) fn renewed_by(&self, terms: &Self) -> Self {
        let allowance = if terms.allowance.fresh_for.is_some() {
            terms.allowance
        } else {
            // It says nothing new of freshness: what was said before holds again.
            Allowance {
                age: terms.allowance.age,
                storable: self.allowance.storable && terms.allowance.storable,
                no_store: self.allowance.no_store || terms.allowance.no_store,
                never_stale: self.allowance.never_stale || terms.allowance.never_stale,
                ..self.allowance
            }
        };
        Self {
            allowance,
            received: terms.received,
            etag: terms.etag.clone().or_else(|| self.etag.clone()),
            last_modified: terms
                .last_modified
                .clone()
                .or_else(|| self.last_modified.clone()),
            renewed: true,
            ..self.clone()
        }
    }

    /// Whether the service can be asked if it is still so (RFC 9110, section 13.1).
    fn has_validator(&self) -> bool {
        self.value.is_some() && (self.etag.is_some() || self.last_modified.is_some())
    }

    /// Whether others may get it, and it may be kept.
    pub(super) fn is_shareable(&self) -> bool {
        self.allowance.storable
    }
}

/// For how long a kept answer may be used, by its headers or else by the settings.
#[derive(Debug, Clone, Copy)]
struct Terms {
    fresh: Duration,
    renewing: Duration,
    failing: Duration,
}

/// Why what is kept could not be renewed the last time.
type Trouble = (ErrorKind, Box<str>);

/// What is kept under a key.
#[derive(Debug, Clone)]
enum Kept {
    Entry(Arc<Entry>, Option<Trouble>),
    /// The answers are not to be shared: nobody waits for another's.
    Unshared(Instant),
}

/// What the cache has for a request.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// Nothing, and the answer will be for one alone.
    Unshared,
    /// A fresh answer, still so for this long.
    Fresh(Arc<Entry>, Duration),
    /// One that is stale since so long, and may be given at once while it is renewed.
    Renewable(Arc<Entry>, Duration),
    /// One that is stale since so long, and may be given when it cannot be renewed.
    Stale(Arc<Entry>, Duration),
    /// One that must not be given any more, but saves its way if the service says that it is still so.
    Expired(Arc<Entry>),
}

/// The answers of one upstream. Shared by all worker threads.
#[derive(Debug)]
pub(super) struct Cache {
    config: CacheConfig,
    store: Store<Key, Kept>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Cache {
    /// An empty cache; `None` where the settings want none.
    pub(super) fn new(config: CacheConfig) -> Option<Self> {
        if config.max_bytes == 0 {
            return None;
        }
        let store = Store::builder()
            .weigher(|key: &Key, kept: &Kept| {
                // Beside its text an entry has about as much of numbers and pointers.
                const BESIDE: usize = 300;
                let body = match kept {
                    Kept::Entry(entry, _) => entry.bytes,
                    Kept::Unshared(_) => 0,
                };
                u32::try_from(BESIDE + key.bytes() + body).unwrap_or(u32::MAX)
            })
            .max_capacity(u64::from(config.max_bytes))
            .build();
        Some(Self {
            config,
            store,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        })
    }

    /// What there is for `key` at `now`.
    pub(super) fn find(&self, key: &Key, now: Instant) -> Found {
        let found = self.look_up(key, now);
        let counter = match found {
            Found::Fresh(..) | Found::Renewable(..) => &self.hits,
            Found::Nothing | Found::Unshared | Found::Stale(..) | Found::Expired(_) => &self.misses,
        };
        counter.fetch_add(1, Relaxed);
        found
    }

    /// A fresh answer for `key`, and how long it is still so. Not counted.
    pub(super) fn fresh(&self, key: &Key, now: Instant) -> Option<(Arc<Entry>, Duration)> {
        match self.look_up(key, now) {
            Found::Fresh(entry, left) => Some((entry, left)),
            _ => None,
        }
    }

    fn look_up(&self, key: &Key, now: Instant) -> Found {
        let entry = match self.store.get(key) {
            None => return Found::Nothing,
            Some(Kept::Unshared(until)) if now < until => return Found::Unshared,
            Some(Kept::Unshared(_)) => return Found::Nothing,
            Some(Kept::Entry(entry, _)) => entry,
        };
        let terms = self.terms(&entry);
        let kept = now.saturating_duration_since(entry.received);
        if kept < terms.fresh {
            return Found::Fresh(entry, terms.fresh - kept);
        }
        let since = kept - terms.fresh;
        if since < terms.renewing {
            Found::Renewable(entry, since)
        } else if since < terms.failing {
            Found::Stale(entry, since)
        } else if entry.has_validator() {
            Found::Expired(entry)
        } else {
            Found::Nothing
        }
    }

    /// Keeps what came, if that is allowed and of any use.
    pub(super) fn keep(&self, key: Key, entry: Arc<Entry>) {
        if !entry.is_shareable() {
            let until = entry.received + UNSHARED;
            self.store.insert(key, Kept::Unshared(until));
        } else if self.keeps(&entry) {
            self.store.insert(key, Kept::Entry(entry, None));
        } else {
            self.store.invalidate(&key);
        }
    }

    /// Whether an entry is one that is kept.
    pub(super) fn keeps(&self, entry: &Entry) -> bool {
        let terms = self.terms(entry);
        let is_useless =
            terms.fresh.is_zero() && terms.renewing.is_zero() && terms.failing.is_zero();
        entry.is_shareable() && (!is_useless || entry.has_validator())
    }

    /// Why what is kept under `key` could not be renewed the last time.
    pub(super) fn trouble(&self, key: &Key) -> Option<Trouble> {
        match self.store.get(key) {
            Some(Kept::Entry(_, trouble)) => trouble,
            Some(Kept::Unshared(_)) | None => None,
        }
    }

    /// Notes why what is kept under `key`, if anything, could not be renewed.
    pub(super) fn note_trouble(&self, key: &Key, error: &Error) {
        if let Some(Kept::Entry(entry, _)) = self.store.get(key) {
            let trouble = Some((error.kind(), error.detail().into()));
            self.store.insert(key.clone(), Kept::Entry(entry, trouble));
        }
    }

    fn terms(&self, entry: &Entry) -> Terms {
        let allowance = &entry.allowance;
        let fresh = allowance.fresh_for.unwrap_or(self.config.default_ttl);
        if entry.value.is_none() {
            return Terms {
                fresh: fresh.min(MISSING_AT_MOST),
                renewing: Duration::ZERO,
                failing: Duration::ZERO,
            };
        }
        if allowance.never_stale {
            return Terms {
                fresh,
                renewing: Duration::ZERO,
                failing: Duration::ZERO,
            };
        }
        let renewing = allowance
            .stale_while_revalidate
            .unwrap_or(self.config.stale_while_revalidate);
        let failing = allowance
            .stale_if_error
            .unwrap_or(self.config.stale_if_error);
        Terms {
            fresh,
            renewing,
            failing: failing.max(renewing),
        }
    }

    /// The cache as an operator wants to see it.
    pub(super) fn report(&self) -> CacheReport {
        // What was just inserted or dropped is counted only after the store has tidied up.
        self.store.run_pending_tasks();
        let (hits, misses) = (self.hits.load(Relaxed), self.misses.load(Relaxed));
        #[expect(clippy::cast_precision_loss, reason = "a ratio needs no twenty digits")]
        let ratio = (hits + misses > 0).then(|| hits as f64 / (hits + misses) as f64);
        CacheReport {
            entries: self.store.entry_count(),
            bytes: self.store.weighted_size(),
            max_bytes: self.config.max_bytes,
            hits,
            misses,
            hit_ratio: ratio.map(|ratio| (ratio * 1000.0).round() / 1000.0),
        }
    }
}

/// A cache for the operator's eyes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CacheReport {
    entries: u64,
    bytes: u64,
    max_bytes: u32,
    hits: u64,
    misses: u64,
    /// Between 0 and 1, with three digits behind the point.
    hit_ratio: Option<f64>,
}
