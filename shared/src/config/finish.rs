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
    if !broken {
        let stands = |reject: &Fault| {
            !all.iter()
                .any(|other| concerns(&other.key, parent(&reject.key)))
        };
        let rejects: Vec<Fault> = rejects.into_iter().filter(stands).collect();
        all.extend(rejects);
    }
    all
}

/// Whether the key stands directly in the section, or is a table around it.
fn concerns(key: &str, section: &str) -> bool {
    let around = section
        .strip_prefix(key)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    parent(key) == section || (around && !key.is_empty())
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
            let text = unknown(reading, path, Layered::File);
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
            let such_as = key.map_or(String::new(), |key| format!(", such as {}", key.env()));
            format!("this names a section; allowed: a variable for one of its keys{such_as}")
        }
        None => unknown(reading, path, Layered::Env),
    };
    Some(Fault::new(
        path,
        Some(&entry.given.shown),
        &text,
        &entry.given.origin,
    ))
}

/// Which layer an unknown key stands in, for there it is spelled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layered {
    File,
    Env,
}

/// What an unknown key's fault says: the known key that is nearest, or else all that are known in its section.
fn unknown(reading: &Reading, path: &str, layer: Layered) -> String {
    if let Some(near) = nearest(reading, path, layer) {
        let near = match layer {
            Layered::File => near.to_owned(),
            Layered::Env => env::variable(near),
        };
        return format!("no such setting; did you mean {near}?");
    }
    let mut section = parent(path);
    while !section.is_empty() && !reading.known.contains_key(section) {
        section = parent(section);
    }
    let here = reading
        .known
        .iter()
        .filter(|(known, _)| parent(known) == section);
    let here = here.map(|(known, asked)| match (layer, asked) {
        (Layered::File, _) => name(known).to_owned(),
        (Layered::Env, Asked::Key) => env::variable(known),
        (Layered::Env, Asked::Section) => format!("{}__…", env::variable(known)),
    });
    let here: Vec<String> = here.collect();
    match (section, &*here) {
        (_, []) => "no such setting".to_owned(),
        ("", here) => format!("no such setting; known are {}", here.join(", ")),
        (section, here) => format!(
            "no such setting; known in {section} are {}",
            here.join(", ")
        ),
    }
}

fn nearest<'r>(reading: &'r Reading, path: &str, layer: Layered) -> Option<&'r str> {
    // A path this long is no slip of the pen, and comparing takes time by the square of the length.
    if path.len() > 200 {
        return None;
    }
    // A variable can set no section.
    let known = || {
        let known = reading
            .known
            .iter()
            .filter(|(_, asked)| layer == Layered::File || **asked == Asked::Key);
        known.map(|(known, _)| &**known)
    };
    // A key taken for a section: a variable with one name too many.
    let inside =
        known().find(|known| reading.known[*known] == Asked::Key && *known == parent(path));
    let alike = |known: &&str| strsim::jaro_winkler(name(known), name(path));
    let beside = known().filter(|known| parent(known) == parent(path) && alike(known) > 0.8);
    let distance = |known: &&str| strsim::damerau_levenshtein(known, path);
    let slip = name(path).chars().count() / 3;
    inside
        .or_else(|| beside.max_by(|a, b| alike(a).total_cmp(&alike(b))))
        .or_else(|| {
            known()
                .filter(|known| distance(known) <= slip)
                .min_by_key(distance)
        })
        // The right name in the wrong section.
        .or_else(|| {
            known()
                .filter(|known| name(known) == name(path))
                .min_by_key(distance)
        })
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

fn name(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, name)| name)
}
