//! The programs that a run needs, built with the release profile.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;

use serde::Deserialize;
use tokio::process::Command;

use crate::Result;

/// A package and those of its programs that are needed.
pub(crate) type Wanted = (&'static str, &'static [&'static str]);

/// Where the programs lie, by name.
pub(crate) struct Programs(HashMap<String, PathBuf>);

#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

impl Programs {
    /// Builds whatever is not built yet. Each package is built by itself, as it would be elsewhere: together, one would
    /// get the features of the other's dependencies.
    pub(crate) async fn build(profile: &str, wanted: &[Wanted]) -> Result<Self> {
        let mut found = HashMap::new();
        for (package, binaries) in wanted {
            found.extend(build(profile, package, binaries).await?);
        }
        Ok(Self(found))
    }

    /// The environment that bounds bff-web's cache of each upstream, in bytes, or turns it off with 0; empty for one
    /// that has none.
    pub(crate) async fn cache_of(&self, bytes: u64) -> Result<Vec<(String, String)>> {
        let output = self
            .command("bff-web")?
            .arg("example-config")
            .output()
            .await?;
        let example = String::from_utf8_lossy(&output.stdout).into_owned();
        let keys = example
            .lines()
            .filter_map(|line| line.strip_prefix("# Environment: "));
        Ok(keys
            .filter(|key| key.ends_with("__CACHE__MAX_BYTES"))
            .map(|key| (key.to_owned(), bytes.to_string()))
            .collect())
    }

    /// A command without arguments and with an empty environment.
    pub(crate) fn command(&self, name: &str) -> Result<Command> {
        let path = self
            .0
            .get(name)
            .ok_or_else(|| format!("cargo did not say where {name} is"))?;
        let mut command = Command::new(path);
        command.env_clear();
        Ok(command)
    }
}

async fn build(profile: &str, package: &str, binaries: &[&str]) -> Result<Vec<(String, PathBuf)>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args([
            "build",
            "--profile",
            profile,
            "--message-format=json-render-diagnostics",
            "--package",
            package,
        ])
        .args(binaries.iter().flat_map(|name| ["--bin", name]))
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let output = cargo
        .output()
        .await
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("{package} cannot be built").into());
    }
    let messages = output.stdout.split(|byte| *byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    Ok(messages
        .filter_map(|message| Some((message.target?.name, message.executable?)))
        .collect())
}
