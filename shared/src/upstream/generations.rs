//! What was kept before a write is not found after it.
//!
//! A key of the cache has the generation of its tag in it. To forget is to begin the next generation: what is kept under
//! the last one is not found any more and leaves the cache by and by, and neither is a call that was under way before
//! the write shared with anybody who asks after it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::request::Tag;

/// Tags share a place now and then: then more is forgotten than has to be.
const PLACES: usize = 1024;

/// The generation of every tag, in a fixed number of bytes. Shared by all worker threads.
#[derive(Debug)]
pub(super) struct Generations(Box<[AtomicU64]>);

impl Default for Generations {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Generations {
    /// The generation of `tag`; that of what has none never ends.
    pub(super) fn of(&self, tag: Option<Tag>) -> u64 {
        tag.map_or(0, |tag| self.place(tag).load(Ordering::Acquire))
    }

    /// Begins the next generation of `tag`.
    pub(super) fn end(&self, tag: Tag) {
        self.place(tag).fetch_add(1, Ordering::AcqRel);
    }

    fn place(&self, tag: Tag) -> &AtomicU64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "any bits of a hash will do"
        )]
        let place = tag.0 as usize % PLACES;
        &self.0[place]
    }
}
