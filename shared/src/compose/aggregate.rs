//! Aggregates declared source by source.

#[doc(hidden)]
pub use tokio::{sync::SetOnce, try_join};

#[cfg(test)]
mod tests;

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
/// answers that a source is `after` are at hand by their names, as `&Arc<TYPE>`; only required ones can be: of an
/// optional one nobody can say that it is there. When a required source fails, the aggregate does, and the others are
/// given up.
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
                let ($($part,)+) = $crate::compose::aggregate::try_join!($(
                    async {
                        $($(let $before = $before.wait().await;)+)?
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
        let $part = $crate::compose::aggregate::SetOnce::<::std::sync::Arc<$value>>::new();
    };
    // Nothing can be after it.
    (@announce optional $part:ident $value:ty) => {};
    (@ladder $slot:ident) => {};
    (@ask required $within:ident, $self:ident, $part:ident, |$context:ident| $ask:expr) => {{
        let part = $within.required(|$context| $ask).await?;
        // It is set nowhere else.
        _ = $part.set(::std::sync::Arc::clone(&part.value));
        Ok::<_, $crate::upstream::Error>(part)
    }};
    (@ask optional $within:ident, $self:ident, $part:ident, |$context:ident| $ask:expr, $key:ident) => {
        Ok::<_, $crate::upstream::Error>(
            $within.optional(&$self.$part, &$key, |$context| $ask).await,
        )
    };
}
