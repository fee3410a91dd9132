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
    let name = variable.to_string_lossy();
    if !name.starts_with(PREFIX) || name.chars().any(char::is_lowercase) {
        return;
    }
    match entry(variable, &name, value) {
        Ok((path, entry)) => drop(layer.insert(path, entry)),
        Err(fault) => faults.push(fault),
    }
}

fn entry(variable: &OsStr, name: &str, value: OsString) -> Result<(String, Entry), Fault> {
    let origin = Origin::variable(name);
    if variable.to_str().is_none() {
        return Err(Fault::new(
            "",
            None,
            "the variable's name is not UTF-8",
            &origin,
        ));
    }
    let mut parent = String::new();
    let mut path = String::new();
    for name in name[PREFIX.len()..].split(LEVEL) {
        if name.is_empty() {
            let why = "a name is missing in the variable's name: it is BFF__KEY or BFF__SECTION__KEY, with two \
                       underscores between names";
            return Err(Fault::new("", None, why, &origin));
        }
        parent = path;
        path = join(&parent, &name.to_ascii_lowercase());
    }
    let value = value.into_string().map_err(|value| {
        let shown = format!("{:?}", value.to_string_lossy());
        Fault::new(&path, Some(&shown), "the value is not UTF-8", &origin)
    })?;
    let given = Given {
        shown: format!("{value:?}"),
        content: Content::Bare(value),
        origin: origin.clone(),
    };
    Ok((
        path,
        Entry {
            parent,
            key_origin: origin,
            given,
        },
    ))
}
