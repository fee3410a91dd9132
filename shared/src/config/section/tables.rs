//! Tables of any name, and keys that have to be given.

use std::collections::BTreeSet;

use super::{Asked, Reading, Section, is_name};
use crate::config::convert;
use crate::config::example::{Key, toml_string};
use crate::config::fault::{Fault, Origin};
use crate::config::given::{Content, Layer, join};

impl Section<'_> {
    /// Asks within each table of the table `name`, whatever they are called, by their names: for `[routes.a]` and
    /// `[routes.b]` twice. A variable `BFF__ROUTES__C__PREFIX` makes a table as well.
    ///
    /// Without settings, to list the keys, it asks once, with `sample` for the name.
    pub fn sections<T>(
        &mut self,
        name: &str,
        sample: &str,
        mut build: impl FnMut(&str, &mut Section<'_>) -> T,
    ) -> Vec<T> {
        debug_assert!(is_name(name), "{name:?} is no name for a section");
        let path = join(&self.path, name);
        self.reading.ask(&path, Asked::Section);
        if self.reading.describes {
            let before = std::mem::replace(&mut self.reading.optional, true);
            let section = join(&path, sample);
            self.reading.ask(&section, Asked::Section);
            build(
                sample,
                &mut Section {
                    path: section,
                    reading: self.reading,
                },
            );
            self.reading.optional = before;
            return Vec::new();
        }
        let tables = self.reading.tables(&path);
        let read = |section: String| {
            let name = section.strip_prefix(&*path).unwrap_or_default();
            let name = name.trim_start_matches('.').to_owned();
            if !is_name(&name) {
                let origin = self.reading.origin(&section).clone();
                let why = "a name is of lower-case letters, digits and single underscores";
                let fault = Fault::new(&section, None, why, &origin);
                self.reading.faults.push(fault);
            }
            self.reading.ask(&section, Asked::Section);
            build(
                &name,
                &mut Section {
                    path: section,
                    reading: self.reading,
                },
            )
        };
        tables.into_iter().map(read).collect()
    }

    /// A string that has to be given, and that `parse` understands; `sample` stands for it where keys are listed.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        sample: &str,
        allowed: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
        about: &'static str,
    ) -> Option<T> {
        let path = join(&self.path, key);
        let key = Key {
            path: path.clone(),
            default: toml_string(sample),
            allowed: allowed.to_owned(),
            about,
            optional: self.reading.optional,
        };
        let value = self.scalar(key, None, |content| {
            parse(convert::text(content)?).map(Some)
        });
        let Reading {
            broken, describes, ..
        } = *self.reading;
        let is_given = || self.reading.layers().any(|layer| layer.contains_key(&path));
        if value.is_none() && !broken && !describes && !is_given() {
            let origin = self.reading.origin(&self.path);
            let why = format!("this has to be set; allowed: {allowed}");
            let fault = Fault::new(&path, None, &why, origin);
            self.reading.faults.push(fault);
        }
        value
    }
}

impl Reading {
    fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.files.iter().chain([&self.env])
    }

    /// The tables within the table `path`, by their paths: those that are there, and those that a variable names.
    fn tables(&self, path: &str) -> BTreeSet<String> {
        let entries = self.layers().flatten();
        let tables = entries.filter_map(|(key, entry)| {
            let is_table = matches!(entry.given.content, Content::Table | Content::Damaged);
            let within = entry.parent.strip_prefix(path);
            match within {
                Some("") if is_table => Some(key.clone()),
                Some(name) if name.starts_with('.') && !name[1..].contains('.') => {
                    Some(entry.parent.clone())
                }
                _ => None,
            }
        });
        tables.collect()
    }

    /// Where the table `path` is given; where a variable names it, that is the variable.
    fn origin(&self, path: &str) -> &Origin {
        let mut layers = self.files.iter().rev();
        let table = layers.find_map(|layer| layer.get(path));
        let table = table.map(|entry| &entry.key_origin);
        let within = || {
            let mut entries = self.env.values();
            let entry = entries.find(|entry| entry.parent == path)?;
            Some(&entry.key_origin)
        };
        table.or_else(within).unwrap_or(&Origin::Default)
    }
}
