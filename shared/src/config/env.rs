//! Environment variables as a layer.

use std::ffi::{OsStr, OsString};

use super::fault::{Fault, Origin};
use super::given::{Content, Entry, Given, Layer, join};

/// What the names of all variables that count begin with.
pub(super) const PREFIX: &str = "BFF__";
const LEVEL: &str = "__";

/// The variable that sets the key at `path`.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', LEVEL).to_ascii_uppercase())
}

/// Puts one variable into the layer, if its name counts.
pub(super) fn read(variable: &OsStr, value: OsString, layer: &mut Layer, faults: &mut Vec<Fault>) {
    if !variable.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
        return;
    }
    let name = variable.to_string_lossy();
    if name.chars().any(char::is_lowercase) {
        return;
    }
    let origin = Origin::variable(&name);
    let mut refuse = |key: &str, value: Option<&str>, why: &str| {
        faults.push(Fault::new(key, value, why, &origin))
    };
    if variable.to_str().is_none() {
        return refuse("", None, "the variable's name is not UTF-8");
    }
    let names: Vec<String> = name[PREFIX.len()..]
        .split(LEVEL)
        .map(str::to_ascii_lowercase)
        .collect();
    if names.iter().any(String::is_empty) {
        let why = "a name is missing in the variable's name: it is BFF__KEY or BFF__SECTION__KEY, with two underscores \
                   between names";
        return refuse("", None, why);
    }
    let parent = names[..names.len() - 1]
        .iter()
        .fold(String::new(), |parent, name| join(&parent, name));
    let path = join(&parent, &names[names.len() - 1]);
    let value = match value.into_string() {
        Ok(value) => value,
        Err(value) => {
            return refuse(
                &path,
                Some(&format!("{:?}", value.to_string_lossy())),
                "the value is not UTF-8",
            );
        }
    };
    let given = Given {
        shown: format!("{value:?}"),
        content: Content::Bare(value),
        origin: origin.clone(),
    };
    layer.insert(
        path,
        Entry {
            parent,
            key_origin: origin,
            given,
        },
    );
}
