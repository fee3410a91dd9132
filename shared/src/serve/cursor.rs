//! Cursors of lists: opaque to clients, and taken back only as they were given.
//!
//! A service's own cursor goes out sealed, with the list that it belongs to in the seal. One that was changed, made up, or
//! given for another list is told from a good one before any service is asked.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of the seal: a truncated HMAC (RFC 2104, section 5) of 128 bits.
const SEAL: usize = 16;

/// Seals cursors, and opens them. All instances behind one balancer need the same secret.
#[derive(Clone)]
pub struct Cursors(Hmac<Sha256>);

impl fmt::Debug for Cursors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursors")
    }
}

/// A text that is no cursor of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCursor;

impl Cursors {
    /// Cursors under `secret`.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        // HMAC takes keys of any length: this cannot fail.
        Self(Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&Default::default())))
    }

    /// Cursors that are good until the process ends, and in no other one.
    #[must_use]
    pub fn with_own_secret() -> Self {
        let secret = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
        Self::new(&secret.map(uuid::Uuid::into_bytes).concat())
    }

    /// The service's `cursor` as it goes out to a client of `list`: any text that tells lists apart.
    #[must_use]
    pub fn seal(&self, list: &str, cursor: &str) -> String {
        let mut sealed = self.sealing(list, cursor.as_bytes()).to_vec();
        sealed.extend_from_slice(cursor.as_bytes());
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The service's cursor in `text`.
    ///
    /// # Errors
    /// [`InvalidCursor`] for whatever was not sealed for this `list` under this secret.
    pub fn open(&self, list: &str, text: &str) -> Result<String, InvalidCursor> {
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let (seal, cursor) = sealed.split_at_checked(SEAL).ok_or(InvalidCursor)?;
        self.mac(list, cursor)
            .verify_truncated_left(seal)
            .map_err(|_| InvalidCursor)?;
        String::from_utf8(cursor.to_vec()).map_err(|_| InvalidCursor)
    }

    fn sealing(&self, list: &str, cursor: &[u8]) -> [u8; SEAL] {
        let whole = self.mac(list, cursor).finalize().into_bytes();
        let mut seal = [0; SEAL];
        seal.copy_from_slice(&whole[..SEAL]);
        seal
    }

    fn mac(&self, list: &str, cursor: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        // The length keeps the two apart.
        mac.update(&(list.len() as u64).to_le_bytes());
        mac.update(list.as_bytes());
        mac.update(cursor);
        mac
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_sealed_is_opened_for_the_same_list_only(
            list in ".{0,20}", other in ".{0,20}", cursor in ".{0,40}",
        ) {
            let cursors = Cursors::new(b"a secret");
            let text = cursors.seal(&list, &cursor);
            prop_assert_eq!(cursors.open(&list, &text), Ok(cursor.clone()));
            if other != list {
                prop_assert_eq!(cursors.open(&other, &text), Err(InvalidCursor));
            }
            prop_assert_eq!(Cursors::new(b"another").open(&list, &text), Err(InvalidCursor));
        }

        #[test]
        fn whatever_is_changed_in_it_makes_it_invalid(
            cursor in ".{0,40}", at in any::<prop::sample::Index>(), by in 1..64_u8,
        ) {
            const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let cursors = Cursors::new(b"a secret");
            let mut text = cursors.seal("list", &cursor).into_bytes();
            let at = at.index(text.len());
            let digit = DIGITS.iter().position(|digit| *digit == text[at]).unwrap();
            text[at] = DIGITS[(digit + usize::from(by)) % 64];
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(cursors.open("list", &text), Err(InvalidCursor));
        }

        #[test]
        fn no_text_does_any_harm(text in ".{0,60}") {
            prop_assert_eq!(Cursors::new(b"a secret").open("list", &text), Err(InvalidCursor));
        }
    }
}
