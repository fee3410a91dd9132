//! The search list for names that are not absolute.

use hickory_resolver::proto::rr::Name;

/// The domains that a name may be meant within (resolv.conf(5), `search` and `ndots`).
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) domains: Vec<Name>,
    /// How many dots let a name be tried as it is first.
    pub(super) dots: usize,
}

impl Search {
    /// The names that `name` may stand for, in the order in which they are tried.
    pub(super) fn candidates(&self, name: &Name) -> Vec<Name> {
        let mut absolute = name.clone();
        absolute.set_fqdn(true);
        if name.is_fqdn() {
            return vec![absolute];
        }
        let within = self.domains.iter();
        let mut candidates: Vec<_> = within
            .filter_map(|domain| name.clone().append_domain(domain).ok())
            .collect();
        let dots = usize::from(name.num_labels()).saturating_sub(1);
        let place = if dots >= self.dots {
            0
        } else {
            candidates.len()
        };
        candidates.insert(place, absolute);
        candidates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn candidates(search: &Search, text: &str) -> Vec<String> {
        let candidates = search.candidates(&name(text));
        candidates.iter().map(Name::to_ascii).collect()
    }

    #[test]
    fn names_are_searched_for_as_the_system_does() {
        let search = Search {
            domains: vec![name("x.test."), name("test")],
            dots: 2,
        };
        assert_eq!(
            candidates(&search, "a.b"),
            ["a.b.x.test.", "a.b.test.", "a.b."]
        );
        assert_eq!(
            candidates(&search, "a.b.c"),
            ["a.b.c.", "a.b.c.x.test.", "a.b.c.test."]
        );
        assert_eq!(candidates(&search, "a."), ["a."]);
        assert_eq!(candidates(&Search::default(), "a"), ["a."]);
    }
}
