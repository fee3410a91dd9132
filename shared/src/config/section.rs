//! Asking for settings, key by key.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::convert::{self, Refusal};
use super::example::{Key, toml_list, toml_string};
use super::fault::{Fault, Origin};
use super::given::{Content, Given, Layer, join};

mod tables;

/// One reading of the settings: what was given, and what has been asked for and found so far.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) files: Vec<Layer>,
    pub(super) env: Layer,
    pub(super) faults: Vec<Fault>,
    /// Faults between several keys; see `Section::reject`.
    pub(super) rejects: Vec<Fault>,
    /// What was wrong before the first key was asked for.
    pub(super) broken: bool,
    pub(super) keys: Vec<Key>,
    /// Whether the keys are only listed.
    pub(super) describes: bool,
    /// Whether they are those of a section that need not be there.
    optional: bool,
    /// Every path asked for.
    pub(super) known: BTreeMap<String, Asked>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Key,
    Section,
}

impl Reading {
    pub(super) fn new(files: Vec<Layer>, env: Layer, faults: Vec<Fault>) -> Self {
        let broken = !faults.is_empty();
        let known = BTreeMap::new();
        Self {
            files,
            env,
            faults,
            rejects: Vec::new(),
            broken,
            keys: Vec::new(),
            describes: false,
            optional: false,
            known,
        }
    }

    pub(super) fn root(&mut self) -> Section<'_> {
        Section {
            path: String::new(),
            reading: self,
        }
    }

    pub(super) fn into_keys(self) -> Vec<Key> {
        self.keys
    }

    fn ask(&mut self, path: &str, asked: Asked) {
        let before = self.known.insert(path.to_owned(), asked);
        debug_assert!(
            before.is_none_or(|before| before == asked && asked == Asked::Section),
            "the key {path} is asked for twice"
        );
    }
}

/// A table of the settings, asked for its keys. A name is of lower-case letters, digits and single underscores, since
/// a variable's name must be able to spell it.
///
/// A key with a fault yields its default, so that reading goes on and finds the rest; [`super::Settings::read`] then
/// returns the faults and not what was built.
#[derive(Debug)]
pub struct Section<'a> {
    path: String,
    reading: &'a mut Reading,
}

impl Section<'_> {
    /// Asks within the table `name` of this table.
    pub fn section<T>(&mut self, name: &str, build: impl FnOnce(&mut Section<'_>) -> T) -> T {
        debug_assert!(is_name(name), "{name:?} is no name for a section");
        let path = join(&self.path, name);
        self.reading.ask(&path, Asked::Section);
        build(&mut Section {
            path,
            reading: self.reading,
        })
    }

    /// A duration such as `"800ms"`, `"1s 500ms"` or `"2m"`; hours are the largest unit. A number without a unit is
    /// refused.
    pub fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        allowed: RangeInclusive<Duration>,
        about: &'static str,
    ) -> Duration {
        debug_assert!(
            allowed.contains(&default),
            "the default of {key} is not allowed"
        );
        let [from, to] =
            [allowed.start(), allowed.end()].map(|bound| convert::print_duration(*bound));
        let key = Key {
            path: join(&self.path, key),
            default: toml_string(&convert::print_duration(default)),
            allowed: format!("a duration such as \"800ms\" or \"2s\" from {from} to {to}"),
            about,
            optional: self.reading.optional,
        };
        self.scalar(key, default, |content| convert::duration(content, &allowed))
    }

    /// A whole number.
    pub fn integer(
        &mut self,
        key: &'static str,
        default: u32,
        allowed: RangeInclusive<u32>,
        about: &'static str,
    ) -> u32 {
        debug_assert!(
            allowed.contains(&default),
            "the default of {key} is not allowed"
        );
        let key = Key {
            path: join(&self.path, key),
            default: default.to_string(),
            allowed: format!(
                "a whole number from {} to {}",
                allowed.start(),
                allowed.end()
            ),
            about,
            optional: self.reading.optional,
        };
        self.scalar(key, default, |content| convert::integer(content, &allowed))
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str, default: bool, about: &'static str) -> bool {
        let path = join(&self.path, key);
        let key = Key {
            path,
            default: default.to_string(),
            allowed: "true or false".to_owned(),
            about,
            optional: self.reading.optional,
        };
        self.scalar(key, default, convert::flag)
    }

    /// One of the named choices, as a string.
    ///
    /// # Panics
    ///
    /// If the default is none of the choices.
    pub fn choice<T: Copy + PartialEq>(
        &mut self,
        key: &'static str,
        default: T,
        choices: &[(&'static str, T)],
        about: &'static str,
    ) -> T {
        let name = choices
            .iter()
            .find(|(_, value)| *value == default)
            .expect("the default is one of the choices")
            .0;
        let names: Vec<String> = choices.iter().map(|(name, _)| toml_string(name)).collect();
        let allowed = format!("one of {}", names.join(", "));
        let key = Key {
            path: join(&self.path, key),
            default: toml_string(name),
            allowed,
            about,
            optional: self.reading.optional,
        };
        self.scalar(key, default, |content| {
            let text = convert::text(content)?;
            let chosen = choices.iter().find(|(name, _)| *name == text);
            chosen.map(|(_, value)| *value).ok_or_else(String::new)
        })
    }

    /// A string that `parse` understands; its error says why it does not.
    ///
    /// # Panics
    ///
    /// If `parse` refuses the default.
    pub fn text<T>(
        &mut self,
        key: &'static str,
        default: &str,
        allowed: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
        about: &'static str,
    ) -> T {
        let value = parse(default).expect("the default is allowed");
        let path = join(&self.path, key);
        let key = Key {
            path,
            default: toml_string(default),
            allowed: allowed.to_owned(),
            about,
            optional: self.reading.optional,
        };
        self.scalar(key, value, |content| parse(convert::text(content)?))
    }

    /// An array of strings in a file, strings between commas in the environment; at least one, none twice. `allowed`
    /// says what each entry may be; `parse` understands one, and its error says why it does not.
    ///
    /// # Panics
    ///
    /// If `parse` refuses an entry of the default.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        default: &[&str],
        allowed: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
        about: &'static str,
    ) -> Vec<T> {
        debug_assert!(!default.is_empty(), "the default of {key} has no entry");
        self.strings(key, default, ("one or more strings", allowed), parse, about)
    }

    /// The same with no entry by default, and none needed: in the environment an empty value is an empty list.
    pub fn list_or_none<T>(
        &mut self,
        key: &'static str,
        allowed: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
        about: &'static str,
    ) -> Vec<T> {
        self.strings(key, &[], ("strings", allowed), parse, about)
    }

    /// `allowed` says how many strings there may be and what each is.
    fn strings<T>(
        &mut self,
        key: &'static str,
        default: &[&str],
        (count, each): (&str, &'static str),
        parse: impl Fn(&str) -> Result<T, String>,
        about: &'static str,
    ) -> Vec<T> {
        let values = default
            .iter()
            .map(|entry| parse(entry).expect("the default is allowed"))
            .collect();
        let whole = format!(
            "an array of {count} (in the environment with commas between them), each {each}"
        );
        let key = Key {
            path: join(&self.path, key),
            default: toml_list(default),
            allowed: whole.clone(),
            about,
            optional: self.reading.optional,
        };
        let may_be_empty = default.is_empty();
        self.value(key, values, |given| {
            if may_be_empty && convert::is_empty_list(given) {
                return Ok(Vec::new());
            }
            convert::list(given, &whole, each, &parse)
        })
    }

    /// An IP address with a port, such as `"127.0.0.1:8080"` or `"[::1]:8080"`; names are not looked up.
    pub fn address(
        &mut self,
        key: &'static str,
        default: SocketAddr,
        about: &'static str,
    ) -> SocketAddr {
        let key = Key {
            path: join(&self.path, key),
            default: toml_string(&default.to_string()),
            allowed: "an IP address and port such as \"127.0.0.1:8080\" or \"[::1]:8080\""
                .to_owned(),
            about,
            optional: self.reading.optional,
        };
        self.scalar(key, default, convert::address)
    }

    /// A fault that only shows when several keys are seen together; reported at `key`, where that was given. The key of
    /// a section below is named with dots, `stock.deadline`.
    ///
    /// It is left out if a file could not be read whole, or a key beside `key` has a fault of its own: a default then
    /// stands in for what was meant, and nothing follows from it.
    pub fn reject(&mut self, key: &str, why: impl Into<String>) {
        let path = match &*self.path {
            "" => key.to_owned(),
            section => format!("{section}.{key}"),
        };
        let Reading {
            files,
            env,
            keys,
            rejects,
            ..
        } = &mut *self.reading;
        let given = env
            .get(&path)
            .or_else(|| files.iter().rev().find_map(|file| file.get(&path)));
        let default = keys
            .iter()
            .find(|asked| asked.path == path)
            .map(|asked| &*asked.default);
        let (value, origin) = match given {
            Some(entry) => (Some(&*entry.given.shown), &entry.given.origin),
            None => (default, &Origin::Default),
        };
        rejects.push(Fault::new(&path, value, &why.into(), origin));
    }

    fn scalar<T>(
        &mut self,
        key: Key,
        default: T,
        convert: impl Fn(&Content) -> Result<T, String>,
    ) -> T {
        let allowed = key.allowed.clone();
        self.value(key, default, |given| {
            convert(&given.content).map_err(|why| vec![Refusal::new(given, &why, &allowed)])
        })
    }

    /// Reads the key in every layer, lowest first: the last layer wins, and a fault in a lower one still shows.
    fn value<T>(
        &mut self,
        key: Key,
        default: T,
        convert: impl Fn(&Given) -> Result<T, Vec<Refusal>>,
    ) -> T {
        debug_assert!(
            key.path.rsplit('.').next().is_some_and(is_name),
            "{} is no name for a key",
            key.path
        );
        self.reading.ask(&key.path, Asked::Key);
        let Reading {
            files,
            env,
            faults,
            keys,
            ..
        } = &mut *self.reading;
        let mut value = default;
        for entry in files
            .iter()
            .chain([&*env])
            .filter_map(|layer| layer.get(&key.path))
        {
            if matches!(entry.given.content, Content::Damaged) {
                continue;
            }
            match convert(&entry.given) {
                Ok(converted) => value = converted,
                Err(refusals) => faults.extend(
                    refusals
                        .iter()
                        .map(|r| Fault::new(&key.path, Some(&r.shown), &r.text, &r.origin)),
                ),
            }
        }
        keys.push(key);
        value
    }
}

/// Whether both a file's key and a variable's name can spell it.
fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.chars().all(legal) && name.split('_').all(|word| !word.is_empty())
}
