//! After the last key was asked for: what was given and nobody asked for, and which faults follow from others.

use super::env;
use super::fault::Fault;
use super::given::{Content, Entry};
use super::section::{Asked, Reading};

/// Every fault of the reading, unsorted.
pub(super) fn finish(reading: Reading) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, entry) in reading.files.iter().flatten() {
        faults.extend(in_file(&reading, path, entry));
    }
    for (path, entry) in &reading.env {
        faults.extend(in_env(&reading, path, entry));
    }
    let Reading {
        faults: mut all,
        rejects,
        broken,
        ..
    } = reading;
    all.extend(faults);
    let own = all.len();
    if !broken {
        for (section, fault) in rejects {
            if !all[..own]
                .iter()
                .any(|other| concerns(&other.key, &section))
            {
                all.push(fault);
            }
        }
    }
    all
}

/// Whether the key stands directly in the section, or is a table around it.
fn concerns(key: &str, section: &str) -> bool {
    let parent = key.rsplit_once('.').map_or("", |(parent, _)| parent);
    let around = section
        .strip_prefix(key)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    parent == section || (around && !key.is_empty())
}

fn in_file(reading: &Reading, path: &str, entry: &Entry) -> Option<Fault> {
    let given = &entry.given;
    match reading.known.get(path) {
        Some(Asked::Key) => None,
        Some(Asked::Section) if matches!(given.content, Content::Table | Content::Damaged) => None,
        Some(Asked::Section) => {
            let text = format!(
                "this is {}; allowed: a table, [{path}]",
                given.content.kind()
            );
            Some(Fault::new(path, Some(&given.shown), &text, &given.origin))
        }
        None if entry.parent.is_empty()
            || reading.known.get(&entry.parent) == Some(&Asked::Section) =>
        {
            let text = unknown(reading, path, entry, str::to_owned);
            let value = Some(&*given.shown)
                .filter(|_| !matches!(given.content, Content::Table | Content::Damaged));
            Some(Fault::new(path, value, &text, &entry.key_origin))
        }
        // The table it stands in is reported already.
        None => None,
    }
}

fn in_env(reading: &Reading, path: &str, entry: &Entry) -> Option<Fault> {
    let text = match reading.known.get(path) {
        Some(Asked::Key) => return None,
        Some(Asked::Section) => {
            let inside = format!("{path}.");
            let key = reading
                .keys
                .iter()
                .find(|key| key.path.starts_with(&inside));
            let such_as = key
                .map(|key| format!(", such as {}", key.env()))
                .unwrap_or_default();
            format!("this names a section; allowed: a variable for one of its keys{such_as}")
        }
        None => unknown(reading, path, entry, env::variable),
    };
    Some(Fault::new(
        path,
        Some(&entry.given.shown),
        &text,
        &entry.given.origin,
    ))
}

/// What an unknown key's fault says: the known key that is nearest, or else all that are known beside it.
fn unknown(reading: &Reading, path: &str, entry: &Entry, spell: impl Fn(&str) -> String) -> String {
    match nearest(reading, path) {
        Some(near) => format!("no such setting; did you mean {}?", spell(near)),
        None => {
            let beside: Vec<String> = children(reading, &entry.parent)
                .map(|path| spell(path))
                .collect();
            if beside.is_empty() {
                "no such setting".to_owned()
            } else {
                format!("no such setting; allowed here: {}", beside.join(", "))
            }
        }
    }
}

fn nearest<'r>(reading: &'r Reading, path: &str) -> Option<&'r str> {
    // A path this long is no slip of the pen, and comparing takes time by the square of the length.
    if path.len() > 200 {
        return None;
    }
    let name = name(path);
    let near = (name.chars().count() / 3).max(1);
    let distance = |known: &&String| strsim::damerau_levenshtein(known, path);
    let closest = reading
        .known
        .keys()
        .min_by_key(distance)
        .filter(|known| distance(known) <= near);
    // The right name in the wrong section.
    closest
        .or_else(|| reading.known.keys().find(|known| self::name(known) == name))
        .map(String::as_str)
}

fn children<'r>(reading: &'r Reading, parent: &str) -> impl Iterator<Item = &'r String> {
    reading
        .known
        .keys()
        .filter(move |path| path.rsplit_once('.').map_or("", |(parent, _)| parent) == parent)
}

fn name(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, name)| name)
}
