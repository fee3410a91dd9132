//! Which coding of an answer its client prefers (RFC 9110, section 12.5.3).

use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap};

/// A coding that answers are made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
    /// RFC 1952.
    Gzip,
}

/// All of them, the first that a client likes as well as another is taken.
const PREFERRED: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

impl Coding {
    /// Its name in `Content-Encoding`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }
}

/// A weight in thousandths.
type Weight = u16;

/// The coding that the client of a request with these header fields prefers; `None` for none.
///
/// A client that does not ask gets no coding, nor does one whose field is malformed, since a guess might be wrong; and
/// one that refuses whatever there is gets the plain answer rather than a 406.
pub(super) fn preferred(request: &HeaderMap) -> Option<Coding> {
    let mut asked = Asked::default();
    for field in request.get_all(ACCEPT_ENCODING) {
        asked.read(field.to_str().ok()?)?;
    }
    asked.choice()
}

/// What a request says of each coding; `None` for nothing.
#[derive(Debug, Default)]
struct Asked {
    codings: [Option<Weight>; 3],
    identity: Option<Weight>,
    /// Of those that are not named.
    others: Option<Weight>,
}

impl Asked {
    /// Adds a field, several being one list; `None` if it is malformed.
    fn read(&mut self, field: &str) -> Option<()> {
        for member in field.split(',').map(trimmed) {
            if member.is_empty() {
                continue;
            }
            let (name, weight) = match member.split_once(';') {
                None => (member, 1000),
                Some((name, weight)) => (trimmed(name), weight_of(trimmed(weight))?),
            };
            if name.is_empty() || !name.bytes().all(is_token) {
                return None;
            }
            let said = if name == "*" {
                &mut self.others
            } else if name.eq_ignore_ascii_case("identity") {
                &mut self.identity
            } else if name.eq_ignore_ascii_case("br") {
                &mut self.codings[0]
            } else if name.eq_ignore_ascii_case("zstd") {
                &mut self.codings[1]
            } else if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                &mut self.codings[2]
            } else {
                continue;
            };
            // Said twice, the lower one holds: a refusal is never overruled.
            *said = Some(said.map_or(weight, |before| before.min(weight)));
        }
        Some(())
    }

    fn choice(&self) -> Option<Coding> {
        // Not named, identity is acceptable, and liked less than whatever is.
        let identity = self.identity.or(self.others).unwrap_or(0);
        let mut best = None;
        let mut most = 0;
        for (coding, weight) in PREFERRED.into_iter().zip(self.codings) {
            let weight = weight.or(self.others).unwrap_or(0);
            if weight > most {
                (best, most) = (Some(coding), weight);
            }
        }
        best.filter(|_| most >= identity)
    }
}

/// Without the white space that a list may have around its members.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// `q=` with 0 to 1 and at most three digits behind the point.
fn weight_of(text: &str) -> Option<Weight> {
    let (name, value) = text.split_at_checked(2)?;
    if !name.eq_ignore_ascii_case("q=") {
        return None;
    }
    let (whole, rest) = value.split_at_checked(1)?;
    let digits = match rest.strip_prefix('.') {
        Some(digits) if digits.len() <= 3 => digits,
        None if rest.is_empty() => rest,
        _ => return None,
    };
    let mut thousandths = 0;
    let mut place = 100;
    for digit in digits.bytes() {
        if !digit.is_ascii_digit() {
            return None;
        }
        thousandths += Weight::from(digit - b'0') * place;
        place /= 10;
    }
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn request<T: AsRef<[u8]>>(fields: &[T]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for field in fields {
            let value = HeaderValue::from_bytes(field.as_ref()).unwrap();
            headers.append(ACCEPT_ENCODING, value);
        }
        headers
    }

    fn name(fields: &[&str]) -> &'static str {
        preferred(&request(fields)).map_or("identity", Coding::name)
    }

    #[test]
    fn what_is_asked_for_is_given() {
        for (field, expected) in [
            ("gzip, deflate, br, zstd", "br"),
            ("gzip, deflate, br", "br"),
            ("gzip, deflate", "gzip"),
            ("zstd, gzip", "zstd"),
            ("br;q=0.5, zstd;q=0.8, gzip;q=0.7", "zstd"),
            ("br;q=0.8, zstd;q=0.8, gzip;q=0.8", "br"),
            ("gzip;q=1.0, br;q=0.999", "gzip"),
            ("GZip", "gzip"),
            ("x-gzip", "gzip"),
            ("gzip;Q=0.5", "gzip"),
            ("gzip\t; q=0.5 ,\t,", "gzip"),
            // Refused, or liked less than the plain answer.
            ("br;q=0, gzip", "gzip"),
            ("br;q=0.000", "identity"),
            ("gzip;q=0.5, identity", "identity"),
            ("gzip;q=0.5, identity;q=0.5", "gzip"),
            ("gzip;q=0.5, identity;q=0.4", "gzip"),
            ("gzip, gzip;q=0", "identity"),
            ("gzip;q=0, x-gzip", "identity"),
            // The star is for what is not named.
            ("*", "br"),
            ("*;q=0", "identity"),
            ("*, br;q=0", "zstd"),
            ("br;q=0, zstd;q=0, gzip;q=0, *", "identity"),
            ("gzip, *;q=0", "gzip"),
            ("gzip;q=0.3, *;q=0.5", "br"),
            ("gzip;q=0.3, identity;q=0, *;q=0.1", "gzip"),
            ("gzip;q=0.3, br;q=0, zstd;q=0, *;q=0.5", "identity"),
            // Nothing that there is.
            ("", "identity"),
            ("identity", "identity"),
            ("identity;q=0", "identity"),
            ("identity;q=0, *;q=0", "identity"),
            ("identity;q=0, gzip;q=0.001", "gzip"),
            ("deflate, compress, dcb", "identity"),
            // Malformed.
            ("gzip;q=1.1", "identity"),
            ("gzip;q=1.001", "identity"),
            ("gzip;q=0.1234", "identity"),
            ("gzip;q=-1", "identity"),
            ("gzip;q=.5", "identity"),
            ("gzip;q=2", "identity"),
            ("gzip;q=", "identity"),
            ("gzip;q", "identity"),
            ("gzip;q =1", "identity"),
            ("gzip;", "identity"),
            ("gzip;level=1", "identity"),
            ("gzip;q=1;level=1", "identity"),
            (";q=1", "identity"),
            ("gzip br", "identity"),
            ("gzip, \"br\"", "identity"),
            ("gzip, deflate;q=x", "identity"),
        ] {
            assert_eq!(name(&[field]), expected, "{field}");
        }
    }

    #[test]
    fn several_fields_are_one_list_and_none_asks_for_nothing() {
        assert_eq!(name(&[]), "identity");
        assert_eq!(name(&["gzip;q=0.5", "zstd"]), "zstd");
        assert_eq!(name(&["br;q=0", "br, gzip"]), "gzip");
        assert_eq!(name(&["gzip", "br;q=nothing"]), "identity");
    }

    /// The same question answered by the words of the RFC: each rule looked up afresh, numbers as text.
    fn reference(fields: &[String]) -> &'static str {
        let list = fields.join(",");
        let members: Vec<&str> = list
            .split(',')
            .map(|member| member.trim_matches([' ', '\t']))
            .filter(|member| !member.is_empty())
            .collect();
        let mut said: Vec<(String, f64)> = Vec::new();
        for member in members {
            let parts: Vec<&str> = member.split(';').collect();
            let coding = parts[0].trim_matches([' ', '\t']).to_lowercase();
            let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if coding.is_empty() || !coding.chars().all(token) || parts.len() > 2 {
                return "identity";
            }
            let weight = match parts.get(1) {
                None => 1.0,
                Some(weight) => {
                    let weight = weight.trim_matches([' ', '\t']).to_lowercase();
                    let Some(number) = weight.strip_prefix("q=") else {
                        return "identity";
                    };
                    let is_number = !number.is_empty()
                        && number.len() <= 5
                        && number.starts_with(['0', '1'])
                        && number.chars().skip(1).take(1).all(|c| c == '.')
                        && number.chars().skip(2).all(|c| c.is_ascii_digit());
                    let number = if is_number {
                        number.trim_end_matches('.').parse().unwrap_or(9.0)
                    } else {
                        9.0
                    };
                    if number > 1.0 {
                        return "identity";
                    }
                    number
                }
            };
            let coding = if coding == "x-gzip" {
                "gzip".into()
            } else {
                coding
            };
            said.push((coding, weight));
        }
        let named = |name: &str| {
            let all = said.iter().filter(|(coding, _)| coding == name);
            all.map(|(_, weight)| *weight).reduce(f64::min)
        };
        let weight = |name: &str| named(name).or_else(|| named("*")).unwrap_or(0.0);
        let mut choices = ["br", "zstd", "gzip"].map(|name| (name, weight(name)));
        // Stable: among equals ours comes first.
        choices.sort_by(|one, other| other.1.total_cmp(&one.1));
        let (name, best) = choices[0];
        if best > 0.0 && best >= weight("identity") {
            name
        } else {
            "identity"
        }
    }

    /// Mostly in order, at times not.
    fn member() -> impl Strategy<Value = String> {
        let coding = prop::sample::select(vec![
            "br", "zstd", "gzip", "x-gzip", "identity", "*", "deflate", "GZIP", "Br", "", "g zip",
        ]);
        let weight = prop::sample::select(vec![
            "",
            "",
            ";q=0",
            ";q=0.5",
            "; q=1.000",
            " ;\tq=0.25",
            ";q=0.",
            ";q=0.001",
            ";Q=1",
            ";q=1.001",
            ";q=0.0000",
            ";q=",
            ";x=1",
            ";q=1;q=0",
            ";q=00",
        ]);
        (coding, weight, prop::bool::weighted(0.2)).prop_map(|(coding, weight, is_spaced)| {
            let space = if is_spaced { " \t" } else { "" };
            format!("{space}{coding}{weight}{space}")
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_is_asked_for_the_answer_is_that_of_the_reference(
            fields in prop::collection::vec(
                prop::collection::vec(member(), 0..5).prop_map(|members| members.join(",")),
                0..3,
            ),
        ) {
            let chosen = preferred(&request(&fields)).map_or("identity", Coding::name);
            prop_assert_eq!(chosen, reference(&fields), "{:?}", fields);
        }

        #[test]
        fn well_formed_members_are_never_refused(
            weights in prop::collection::vec((0..3_usize, 1..=1000_u16), 1..4),
        ) {
            let members: Vec<_> = weights
                .iter()
                .map(|(which, weight)| {
                    let name = PREFERRED[*which].name();
                    format!("{name};q={}.{:03}", weight / 1000, weight % 1000)
                })
                .collect();
            prop_assert!(preferred(&request(&[members.join(", ")])).is_some());
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(
            field in prop::collection::vec(prop_oneof![Just(b'\t'), 0x20..0x7f_u8, 0x80..=0xff_u8], 0..60),
        ) {
            // A name of ours must be there, or the star, for a coding to be chosen.
            if let Some(coding) = preferred(&request(&[&field])) {
                let text = String::from_utf8_lossy(&field).to_lowercase();
                prop_assert!(text.contains(coding.name()) || text.contains('*'));
            }
        }
    }
}
