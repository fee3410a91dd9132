//! Which media type an answer has, of those that its reader takes (RFC 9110, section 12.5.1).

/// What an answer can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `application/graphql-response+json`: the status tells whether the request was executed.
    Response,
    /// `application/json`: 200 for whatever is a GraphQL request, since what is between may answer with JSON too.
    Json,
}

/// What a reader takes, in thousandths of a quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    response: u32,
    json: u32,
    html: u32,
    /// Whether the first is named, and not only covered.
    names_response: bool,
}

impl Form {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Response => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

impl Accepted {
    /// What the fields `Accept` of a request say; none of them is as `*/*`.
    pub(super) fn read<'a>(fields: impl Iterator<Item = &'a str>) -> Self {
        let mut ranges: Vec<_> = fields
            .flat_map(|field| field.split(','))
            .filter_map(range)
            .collect();
        if ranges.is_empty() {
            ranges.push(("*/*".to_owned(), 1_000));
        }
        let quality = |kind: &str, family: &str| {
            let of = |name: &str| {
                let mut found = ranges.iter().filter(|(range, _)| range == name);
                found.next().map(|(_, quality)| *quality)
            };
            of(kind)
                .or_else(|| of(family))
                .or_else(|| of("*/*"))
                .unwrap_or(0)
        };
        let response = "application/graphql-response+json";
        Self {
            response: quality(response, "application/*"),
            json: quality("application/json", "application/*"),
            html: quality("text/html", "text/*"),
            names_response: ranges.iter().any(|(range, _)| range == response),
        }
    }

    /// The form for this reader; `None` where it takes neither. Who names neither gets JSON.
    pub(super) fn form(self) -> Option<Form> {
        let prefers =
            self.response > self.json || (self.names_response && self.response == self.json);
        match (self.response, self.json) {
            (0, 0) => None,
            _ if prefers => Some(Form::Response),
            _ => Some(Form::Json),
        }
    }

    /// Whether the reader would rather have a page than any of these.
    pub(super) fn prefers_page(self) -> bool {
        self.html > self.response && self.html > self.json
    }
}

/// A range in lower case without its parameters, and its quality. What cannot be read is left out.
fn range(text: &str) -> Option<(String, u32)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().filter(|range| range.contains('/'))?;
    let mut quality = 1_000;
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        if name.trim_end().eq_ignore_ascii_case("q") {
            quality = thousandths(value.trim())?;
        }
    }
    Some((range.to_ascii_lowercase(), quality))
}

fn thousandths(text: &str) -> Option<u32> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_short = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths = format!("{decimals:0<3}")
        .parse()
        .ok()
        .filter(|_| is_short)?;
    match (whole, thousandths) {
        ("0", some) => Some(some),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(field: &str) -> Accepted {
        Accepted::read([field].into_iter())
    }

    #[test]
    fn the_form_is_what_the_reader_likes_best() {
        use Form::{Json, Response};
        for (field, form) in [
            ("", Some(Json)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("application/json", Some(Json)),
            ("application/graphql-response+json", Some(Response)),
            (
                "Application/GraphQL-Response+JSON ; charset=utf-8",
                Some(Response),
            ),
            (
                "application/json, application/graphql-response+json",
                Some(Response),
            ),
            (
                "application/graphql-response+json;q=0.9, application/json",
                Some(Json),
            ),
            (
                "application/graphql-response+json, application/json;q=0.9",
                Some(Response),
            ),
            ("application/graphql-response+json, */*", Some(Response)),
            ("application/json;q=0, */*;q=0.1", Some(Response)),
            ("text/html, */*;q=0.1", Some(Json)),
            ("text/html", None),
            ("application/json;q=0", None),
            ("application/json;q=0.000", None),
            ("application/xml, text/*", None),
            ("nonsense", Some(Json)),
            ("application/json;q=2", Some(Json)),
        ] {
            assert_eq!(accepted(field).form(), form, "{field}");
        }
        assert_eq!(Accepted::read([].into_iter()).form(), Some(Json));
    }

    #[test]
    fn a_browser_that_opens_an_address_wants_a_page() {
        let opens = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert!(accepted(opens).prefers_page());
        assert!(accepted("text/html").prefers_page());
        for field in ["*/*", "", "text/html, application/json", "application/json"] {
            assert!(!accepted(field).prefers_page(), "{field}");
        }
    }
}
