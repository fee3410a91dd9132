//! Layered settings: a TOML file, and over it the environment.
//!
//! A program asks for its settings key by key through a [`Section`], naming for each the default, what is allowed
//! and what it means. The same asking serves three ends: [`Settings::read`] reads the values and reports every fault
//! at once, [`describe`] lists the keys, and [`example`] writes that list as a file to start from.
//!
//! In the environment `BFF__UPSTREAMS__STOCK__DEADLINE` is the key `deadline` of `[upstreams.stock]`: after `BFF__`
//! each double underscore is a level, and the rest in lower case is the name.

mod convert;
mod env;
mod example;
mod fault;
mod file;
mod finish;
mod given;
mod section;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;

pub use example::{Key, example};
pub use fault::{Fault, Faults, Origin};
pub use section::Section;

use given::Layer;
use section::Reading;

/// What was given, not yet understood: any number of files and the environment.
///
/// A later file wins over an earlier one, and the environment over every file, whatever the order of the calls.
#[derive(Debug, Default)]
pub struct Settings {
    files: Vec<Layer>,
    env: Layer,
    faults: Vec<Fault>,
}

impl Settings {
    /// Nothing given: the defaults alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file's text; `name` is what faults call the file.
    ///
    /// Syntax faults are kept and come out of [`Settings::read`].
    pub fn with_file(mut self, name: impl Into<String>, text: &str) -> Self {
        let layer = file::read(&name.into(), text, &mut self.faults);
        self.files.push(layer);
        self
    }

    /// Adds environment variables; those that do not begin with `BFF__`, or hold a lower-case letter, do not count.
    ///
    /// Faults in names and values are kept and come out of [`Settings::read`].
    pub fn with_env<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        vars: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        for (variable, value) in vars {
            env::read(
                &variable.into(),
                value.into(),
                &mut self.env,
                &mut self.faults,
            );
        }
        self
    }

    /// The file, if one is named, and the process's environment.
    ///
    /// A file that cannot be read (missing, a directory, not UTF-8) is a fault that comes out of [`Settings::read`].
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the process's environment"
    )]
    pub fn load(file: Option<&Path>) -> Self {
        let mut settings = Self::new();
        if let Some(path) = file {
            let layer = file::open(path, &mut settings.faults);
            settings.files.push(layer);
        }
        settings.with_env(std::env::vars_os())
    }

    /// Runs `build` over the settings and returns what it built.
    ///
    /// # Errors
    ///
    /// Every fault found: in the files' syntax, in the variables' names, in the values `build` asked for, and in the
    /// keys nobody asked for.
    pub fn read<T>(self, build: impl FnOnce(&mut Section<'_>) -> T) -> Result<T, Faults> {
        let mut reading = Reading::new(self.files, self.env, self.faults);
        let built = build(&mut reading.root());
        let faults = finish::finish(reading);
        if faults.is_empty() {
            Ok(built)
        } else {
            Err(Faults::sorted(faults))
        }
    }
}

/// Every key `build` asks for, in order, without any settings given.
///
/// The example file and the documentation come from this list.
pub fn describe<T>(build: impl FnOnce(&mut Section<'_>) -> T) -> Vec<Key> {
    let mut reading = Reading::new(Vec::new(), Layer::default(), Vec::new());
    reading.describes = true;
    build(&mut reading.root());
    reading.into_keys()
}
