//! Aggregates declared source by source.

use std::cell::OnceCell;
use std::future::poll_fn;
use std::task::Poll;

#[doc(hidden)]
pub use tokio::try_join;

#[cfg(test)]
mod tests;

/// A source's answer for those that are asked after it.
///
/// It wakes nobody: all sources are polled in one go, in the sequence in which they are declared, so that whoever waits
/// for one is polled right after it. Whoever were woken would be polled once more, with the whole request around it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Answered<T>(OnceCell<T>);

impl<T> Default for Answered<T> {
    fn default() -> Self {
        Self(OnceCell::new())
    }
}

impl<T> Answered<T> {
    /// Once only.
    pub fn set(&self, value: T) {
        _ = self.0.set(value);
    }

    pub async fn wait(&self) -> &T {
        poll_fn(|_| self.0.get().map_or(Poll::Pending, Poll::Ready)).await
    }
}

/// Whether `before` stands before `part` in `parts`: it has to, since it is polled first.
#[doc(hidden)]
#[must_use]
pub const fn is_declared_before(parts: &[&str], before: &str, part: &str) -> bool {
    let mut index = 0;
    while index < parts.len() {
        if is_same(parts[index], part) {
            return false;
        }
        if is_same(parts[index], before) {
            return true;
        }
        index += 1;
    }
    false
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

/// Declares an aggregate: its parts, and how each of its sources is asked.
///
/// A source is one declaration. `required` or `optional`, its name, the type that its answer has, what it needs from other
/// sources (`after`), and how it is asked:
///
/// ```text
/// required NAME: TYPE [, after SOURCE, …] => |context| FUTURE;
/// optional NAME<SLOT>: TYPE, for KEY: KEY_TYPE = EXPRESSION [, after SOURCE, …] => |context| FUTURE;
/// ```
///
/// The future is a service client's: it yields `Result<Answer<TYPE>, Error>`. Sources are asked as soon as those that
/// they are `after` have answered, all others at once, so that the answer takes as long as the longest chain. The
/// answers that a source is `after` are at hand by their names, as `&Arc<TYPE>`. Only required ones that are declared
/// before it can be: of an optional one nobody can say that it is there. When a required source fails, the aggregate
/// does, and the others are given up.
///
/// What comes of it:
/// - the struct, with a [`Part`](super::Part) for each source and `sources()`, their provenance by name, as
///   [`composed`](crate::serve::composed) takes it;
/// - a struct of [`Ladder`](super::Ladder)s, one for each optional source, which each client fills in for itself, and
///   whose `compose` asks.
///
/// ```
/// # use std::sync::Arc;
/// use bff_shared::aggregate;
/// use bff_shared::compose::{Omit, OrDefault};
/// # use bff_shared::upstream::{Answer, CacheStatus, Context, Deadline, Error, Freshness, Instant, Origin};
/// # #[derive(Debug)] pub struct Book { author: u32, title: &'static str }
/// # #[derive(Debug)] pub struct Author { name: &'static str }
/// # fn said<T>(value: T) -> Result<Answer<T>, Error> {
/// #     let (value, origin, freshness) = (Arc::new(value), Origin::Fresh, Freshness::NoStore);
/// #     Ok(Answer { value, origin, freshness, validator: 0, cache: CacheStatus::default() })
/// # }
/// # #[derive(Debug)] pub struct Library;
/// # impl Library {
/// #     async fn book(&self, _: &Context, _: u32) -> Result<Answer<Book>, Error> { said(Book { author: 7, title: "Emma" }) }
/// #     async fn author(&self, _: &Context, _: u32) -> Result<Answer<Author>, Error> { said(Author { name: "Jane Austen" }) }
/// #     async fn copies(&self, _: &Context, _: u32) -> Result<Answer<u32>, Error> { said(3) }
/// # }
///
/// aggregate! {
///     /// A book, who wrote it, and how many there are.
///     pub struct BookPage, ladders BookLadders, from (library: &Library, id: u32);
///
///     /// The book.
///     required book: Book => |context| library.book(context, id);
///     /// Who wrote it: only the book says who that is.
///     optional author<A>: Author, for author_id: u32 = book.author, after book
///         => |context| library.author(context, author_id);
///     /// How many there are.
///     optional copies<C>: u32, for book_id: u32 = id => |context| library.copies(context, book_id);
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
/// # let context = Context::new(Deadline::after(Instant::now(), std::time::Duration::from_secs(2)));
/// let ladders = BookLadders {
///     author: Omit,
///     copies: OrDefault { present: |count| *count, missing: |_| 0 },
/// };
/// let page = ladders.compose(&context, &Library, 1).await?;
/// assert_eq!(page.book.value.title, "Emma");
/// assert_eq!(page.author.value.as_ref().map(|author| author.name), Some("Jane Austen"));
/// assert_eq!(page.copies.value, 3);
/// assert_eq!(page.sources().map(|(name, _)| name), ["book", "author", "copies"]);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! aggregate {
    (
        $(#[$doc:meta])*
        $vis:vis struct $name:ident, ladders $ladders:ident, from ($($given:ident: $given_type:ty),* $(,)?);
        $(
            $(#[$part_doc:meta])*
            $kind:ident $part:ident $(<$slot:ident>)?: $value:ty
                $(, for $key:ident: $key_type:ty = $key_is:expr)?
                $(, after $($before:ident),+)?
                => |$context:ident| $ask:expr;
        )+
    ) => {
        $(#[$doc])*
        $vis struct $name<$($($slot,)?)+> {
            $(
                $(#[$part_doc])*
                $vis $part: $crate::aggregate!(@part $kind $value $(, $slot)?),
            )+
        }

        impl<$($($slot,)?)+> $name<$($($slot,)?)+> {
            /// The sources by name, in the order in which they are declared.
            #[must_use]
            $vis fn sources(
                &self,
            ) -> [(&'static str, &$crate::compose::Provenance); [$(stringify!($part)),+].len()] {
                [$((stringify!($part), &self.$part.provenance)),+]
            }
        }

        // Not derived: no derive takes fields whose types are macros.
        impl<$($($slot: ::std::fmt::Debug,)?)+> ::std::fmt::Debug for $name<$($($slot,)?)+> {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($part), &self.$part))+
                    .finish()
            }
        }

        #[doc = concat!("What a client does without the optional sources of [`", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy)]
        $vis struct $ladders<$($($slot,)?)+> {
            $($(
                #[doc = concat!("Without `", stringify!($part), "`.")]
                $vis $part: $slot,
            )?)+
        }

        impl<$($($slot: $crate::compose::Ladder<$key_type, $value>,)?)+> $ladders<$($($slot,)?)+> {
            /// Asks the sources, each as soon as it can be.
            ///
            /// # Errors
            /// That of the first required source that fails.
            $vis async fn compose(
                &self,
                context: &$crate::upstream::Context,
                $($given: $given_type,)*
            ) -> Result<$name<$($(<$slot as $crate::compose::Ladder<$key_type, $value>>::Slot,)?)+>, $crate::upstream::Error>
            {
                let within = &$crate::compose::Composition::new(context);
                $($crate::aggregate!(@announce $kind $part $value);)+
                const _PARTS: &[&str] = &[$(stringify!($part)),+];
                let ($($part,)+) = $crate::compose::aggregate::try_join!(biased; $(
                    async {
                        $($(
                            const {
                                assert!(
                                    $crate::compose::aggregate::is_declared_before(
                                        _PARTS, stringify!($before), stringify!($part),
                                    ),
                                    "a source can be after such as are declared before it",
                                );
                            }
                            let $before = $before.wait().await;
                        )+)?
                        $($crate::aggregate!(@ladder $slot); let $key: $key_type = $key_is;)?
                        $crate::aggregate!(
                            @ask $kind within, self, $part, |$context| $ask $(, $key)?
                        )
                    }
                ),+)?;
                Ok($name { $($part),+ })
            }
        }
    };
    (@part required $value:ty) => { $crate::compose::Part<::std::sync::Arc<$value>> };
    (@part optional $value:ty, $slot:ident) => { $crate::compose::Part<$slot> };
    (@announce required $part:ident $value:ty) => {
        let $part = $crate::compose::aggregate::Answered::<::std::sync::Arc<$value>>::default();
    };
    // Nothing can be after it.
    (@announce optional $part:ident $value:ty) => {};
    (@ladder $slot:ident) => {};
    (@ask required $within:ident, $self:ident, $part:ident, |$context:ident| $ask:expr) => {{
        let part = $within.required(|$context| $ask).await?;
        $part.set(::std::sync::Arc::clone(&part.value));
        Ok::<_, $crate::upstream::Error>(part)
    }};
    (@ask optional $within:ident, $self:ident, $part:ident, |$context:ident| $ask:expr, $key:ident) => {
        Ok::<_, $crate::upstream::Error>(
            $within.optional(&$self.$part, &$key, |$context| $ask).await,
        )
    };
}
