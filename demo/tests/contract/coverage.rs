//! Whether everything that the BFFs document was asked for.

use serde_json::Value;

use crate::stack::Client;

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// Fails if a documented operation was not asked for so that it succeeded, or not so that it was refused.
pub(crate) fn assert_covered(asked: &[(Client, String, String, u16)]) {
    for (client, document) in [
        (Client::Web, include_str!("../../../bff-web/openapi.json")),
        (
            Client::Mobile,
            include_str!("../../../bff-mobile/openapi.json"),
        ),
    ] {
        let document: Value = serde_json::from_str(document).unwrap();
        let paths = document["paths"].as_object().unwrap();
        // What is asked for by queries is compared where they are: it has operations of its own.
        let paths = paths.iter().filter(|(path, _)| *path != "/graphql");
        for (path, item) in paths {
            let item = item.as_object().unwrap();
            for method in item.keys().filter(|key| METHODS.contains(&key.as_str())) {
                let statuses: Vec<_> = asked
                    .iter()
                    .filter(|(by, asked, target, _)| {
                        *by == client && asked.eq_ignore_ascii_case(method) && is_of(path, target)
                    })
                    .map(|(.., status)| *status)
                    .collect();
                for class in [200..300_u16, 400..500] {
                    assert!(
                        statuses.iter().any(|status| class.contains(status)),
                        "{client:?}: {method} {path} was never answered {class:?}"
                    );
                }
            }
        }
    }
}

/// Whether a target is of this template.
fn is_of(template: &str, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template
            .zip(path)
            .all(|(part, shown)| part.starts_with('{') || part == shown)
}
