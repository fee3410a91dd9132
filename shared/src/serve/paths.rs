//! The paths that a listener knows: what the access line calls a request, and why one was not answered.
//!
//! Routing itself is actix's. Asking it for a route's template means to match the path a second time, by a regular
//! expression; the templates here are matched segment by segment.

use std::sync::Arc;

use actix_web::http::header::HeaderValue;

use super::Problem;

/// Templates and the methods that each allows.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    known: Arc<[(Arc<str>, HeaderValue)]>,
    /// Where a stranger finds the paths that exist.
    listed: &'static str,
}

impl Paths {
    /// The given templates, each with the value of `Allow`.
    pub(super) fn new(
        known: impl IntoIterator<Item = (String, HeaderValue)>,
        listed: &'static str,
    ) -> Self {
        let known = known
            .into_iter()
            .map(|(template, methods)| (Arc::from(template), methods));
        Self {
            known: known.collect(),
            listed,
        }
    }

    /// The template that `path` matches.
    pub(super) fn template(&self, path: &str) -> Option<Arc<str>> {
        self.find(path).map(|(template, _)| Arc::clone(template))
    }

    /// The methods that `path` has, as `Allow` lists them; `None` for one that is not known.
    pub(super) fn allowed(&self, path: &str) -> Option<&HeaderValue> {
        self.find(path).map(|(_, methods)| methods)
    }

    /// Why `path` was not answered: unknown, or known for other methods.
    pub(super) fn refuse(&self, path: &str) -> Problem {
        match self.find(path) {
            Some((_, methods)) => Problem::method_not_allowed(methods.clone()),
            None => Problem::unknown_path(self.listed),
        }
    }

    /// A template that paths below `prefix` may match, which ends with a slash.
    pub(super) fn below(&self, prefix: &str) -> Option<&str> {
        let mut templates = self.known.iter().map(|(template, _)| &**template);
        templates.find(|template| is_below(template, prefix))
    }

    fn find(&self, path: &str) -> Option<&(Arc<str>, HeaderValue)> {
        self.known
            .iter()
            .find(|(template, _)| is_match(template, path))
    }
}

/// Whether `path` has the segments of `template`, in which `{name}` stands for any segment that is not empty, and
/// `{name:.*}` at the end for the rest.
fn is_match(template: &str, path: &str) -> bool {
    let (mut templates, mut segments) = (template.split('/'), path.split('/'));
    loop {
        match (templates.next(), segments.next()) {
            (None, None) => return true,
            (Some(rest), Some(_)) if rest.ends_with(":.*}") => return true,
            (Some(template), Some(segment)) => {
                let is_parameter = template.starts_with('{') && !segment.is_empty();
                if !is_parameter && template != segment {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// Whether a path that `template` matches may begin with `prefix`, which ends with a slash.
fn is_below(template: &str, prefix: &str) -> bool {
    let mut templates = template.split('/');
    let names = prefix.trim_end_matches('/').split('/');
    for name in names {
        match templates.next() {
            None => return false,
            Some(rest) if rest.ends_with(":.*}") => return true,
            Some(parameter) if parameter.starts_with('{') => {}
            Some(other) if other != name => return false,
            Some(_) => {}
        }
    }
    templates.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_segment_by_segment() {
        for (template, path, expected) in [
            ("/things/{id}", "/things/1", true),
            ("/things/{id}", "/things/a%2fb", true),
            ("/things/{id}", "/things/", false),
            ("/things/{id}", "/things", false),
            ("/things/{id}", "/things/1/", false),
            ("/things/{id}", "//things/1", false),
            ("/things/{id}/parts", "/things/1/parts", true),
            ("/things/{id}/parts", "/things//parts", false),
            ("/docs", "/docs", true),
            ("/docs", "/docs/", false),
            ("/docs/{file:.*}", "/docs/", true),
            ("/docs/{file:.*}", "/docs/a/b.css", true),
            ("/docs/{file:.*}", "/docs", false),
        ] {
            assert_eq!(is_match(template, path), expected, "{template} {path}");
        }
    }
    #[test]
    fn a_prefix_is_held_against_templates() {
        for (template, prefix, expected) in [
            ("/things/{id}", "/things/", true),
            ("/things/{id}", "/", true),
            ("/things/{id}", "/other/", false),
            ("/things/{id}", "/things/7/", false),
            ("/things/{id}/parts", "/things/7/", true),
            ("/things", "/things/", false),
            ("/things", "/thing/", false),
            ("/openapi.json", "/services/", false),
            ("/docs/{file:.*}", "/docs/", true),
            ("/docs/{file:.*}", "/docs/a/b/", true),
            ("/docs", "/docs/a/", false),
        ] {
            assert_eq!(is_below(template, prefix), expected, "{template} {prefix}");
        }
    }
}
