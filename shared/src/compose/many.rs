//! A source that is asked for many things at once: a part for each, and one word for all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use twox_hash::XxHash3_64;

use super::{Composition, Ladder, Part, Provenance, Source, SourceState, missing, part};
use crate::upstream::{Answer, Context, Error, ErrorKind, Instant};

#[cfg(test)]
mod tests;

impl Composition {
    /// An optional source that is asked for all of `keys` in one go: each that fails costs its own part. What comes
    /// back has a part for every key.
    pub async fn optional_many<'a, K, T, L, F>(
        &'a self,
        ladder: &L,
        keys: &[K],
        source: impl FnOnce(&'a Context) -> F,
    ) -> HashMap<K, Part<L::Slot>>
    where
        K: Copy + Eq + Hash,
        L: Ladder<K, T>,
        F: Future<Output = HashMap<K, Result<Answer<T>, Error>>>,
    {
        let start = Instant::now();
        let outcome = self.bounded(source(&self.optional)).await;
        let (mut answers, unanswered) = match outcome {
            Ok(answers) => (answers, unanswered()),
            Err(_) => (HashMap::new(), Error::deadline()),
        };
        let mut parts = HashMap::with_capacity(keys.len());
        for key in keys {
            parts.entry(*key).or_insert_with(|| {
                let answer = answers.remove(key);
                match answer.unwrap_or_else(|| Err(unanswered.clone())) {
                    Ok(answer) => {
                        let value = ladder.present(answer.value.clone());
                        part(value, answer, start)
                    }
                    Err(error) => missing(ladder, key, error, start),
                }
            });
        }
        parts
    }
}

/// A source was asked for something and has no outcome for it.
fn unanswered() -> Error {
    let detail = "the source has no outcome for it";
    Error::new(
        ErrorKind::InvalidResponse,
        &Arc::from("composition"),
        detail,
    )
}

impl Provenance {
    /// What is true of all of `parts` together: the worst of their states with its reason, the oldest age, the shortest
    /// freshness. `None` where there are none.
    #[must_use]
    pub fn of_all<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut all = parts.next()?.clone();
        let mut validators = all.validator.map(|first| first.to_le_bytes().to_vec());
        for part in parts {
            let before = all.clone();
            if part.source.state > all.source.state {
                all = part.clone();
            }
            all.source.age_seconds = before.source.age_seconds.max(part.source.age_seconds);
            let freshness = before.freshness.zip(part.freshness);
            all.freshness = freshness.map(|(one, other)| one.min(other));
            all.took = before.took.max(part.took);
            validators = validators.zip(part.validator).map(|(mut all, next)| {
                all.extend(next.to_le_bytes());
                all
            });
        }
        all.validator = validators.map(|all| XxHash3_64::oneshot(&all));
        Some(all)
    }
}

impl Provenance {
    /// The same, told apart by `more` too: something that the answer has beside what the source said.
    #[must_use]
    pub fn told_apart_by(self, more: &str) -> Self {
        let validator = self
            .validator
            .map(|validator| XxHash3_64::oneshot_with_seed(validator, more.as_bytes()));
        Self { validator, ..self }
    }
}

impl Source {
    /// A source that had nothing to be asked for.
    pub const UNASKED: Self = Self {
        state: SourceState::Fresh,
        age_seconds: None,
        reason: None,
    };
}
