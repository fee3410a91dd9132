//! What is wrong with the settings, and where.

use std::error::Error;
use std::fmt;

use super::given::clip;

/// How many characters of a key, a value or a name a fault shows.
const SHOWN: usize = 200;
/// How many characters of a file's name a fault shows: a path is worth nothing cut.
const PATH: usize = 4096;
/// How many characters of a reason a fault shows; a reason may quote the value, which may be of any length.
const REASON: usize = 1000;

/// Every fault found in one reading: never empty, the files' faults first in the order of the text, then the
/// environment's by the variable's name, then those of defaults.
///
/// Displayed as a line that counts them, and then one indented line for each fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn sorted(mut faults: Vec<Fault>) -> Self {
        faults.sort_by(|a, b| a.origin.rank().cmp(&b.origin.rank()));
        Self(faults)
    }

    /// The faults, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "1 setting is wrong:")?,
            count => write!(f, "{count} settings are wrong:")?,
        }
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl Error for Faults {}

/// One wrong setting.
///
/// Displayed on one line: `bff.toml:4:12: upstreams.stock.deadline = "2": why, and what is allowed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key's full path, such as `upstreams.stock.deadline`; empty where the file or a variable's name is wrong
    /// as a whole.
    pub key: String,
    /// The value given, as written (a string in its quotes); at most 200 characters, control characters escaped.
    pub value: Option<String>,
    /// What is allowed and, where that does not say it, why the value is refused.
    pub allowed: String,
    /// Where the value was given.
    pub origin: Origin,
}

impl Fault {
    pub(super) fn new(key: &str, value: Option<&str>, allowed: &str, origin: &Origin) -> Self {
        Self {
            key: clip(key, SHOWN),
            value: value.map(|value| clip(value, SHOWN)),
            allowed: clip(allowed, REASON),
            origin: origin.clone(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Default => write!(f, "by default: ")?,
            Origin::File { name, line: 0, .. } => write!(f, "{name}: ")?,
            Origin::File { name, line, column } => write!(f, "{name}:{line}:{column}: ")?,
            Origin::Env { variable } => write!(f, "{variable}: ")?,
        }
        match (&*self.key, &self.value) {
            ("", None) => {}
            ("", Some(value)) => write!(f, "{value}: ")?,
            (key, None) => write!(f, "{key}: ")?,
            (key, Some(value)) => write!(f, "{key} = {value}: ")?,
        }
        f.write_str(&self.allowed)
    }
}

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the default stands, and does not go with other values.
    Default,
    /// In a file.
    File {
        /// The file's name, as handed in.
        name: String,
        /// The line, from 1; 0 if the file as a whole is meant, because it could not be read.
        line: usize,
        /// The column in characters, from 1; 0 as for the line.
        column: usize,
    },
    /// In the environment.
    Env {
        /// The variable's name.
        variable: String,
    },
}

impl Origin {
    /// The file as a whole.
    pub(super) fn file(name: &str) -> Self {
        Self::at(name, 0, 0)
    }

    pub(super) fn at(name: &str, line: usize, column: usize) -> Self {
        Self::File {
            name: clip(name, PATH),
            line,
            column,
        }
    }

    pub(super) fn variable(name: &str) -> Self {
        Self::Env {
            variable: clip(name, SHOWN),
        }
    }

    fn rank(&self) -> (u8, &str, usize, usize) {
        match self {
            Self::File { name, line, column } => (0, name, *line, *column),
            Self::Env { variable } => (1, variable, 0, 0),
            Self::Default => (2, "", 0, 0),
        }
    }
}
