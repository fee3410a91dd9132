//! Load, made by oha.

use std::collections::HashMap;
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;

use serde::Deserialize;
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::Result;

/// What is sent in one round.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) seconds: u32,
    /// Requests a second; without, as many as are answered.
    pub(crate) rate: Option<u32>,
    /// Any of these is asked for.
    pub(crate) paths: Vec<String>,
    /// One of these JSON texts is sent with each request, by POST and to the first path; without, requests are GETs.
    pub(crate) bodies: Vec<String>,
}

/// What oha saw. Every answer was a 200.
pub(crate) struct Seen {
    pub(crate) requests: f64,
    pub(crate) per_second: f64,
    /// The latency of half of the requests at most, in seconds.
    pub(crate) p50: f64,
    /// The same for 99 of 100.
    pub(crate) p99: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    summary: Summary,
    latency_percentiles: HashMap<String, Option<f64>>,
    status_code_distribution: HashMap<String, u32>,
    error_distribution: HashMap<String, u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    requests_per_sec: f64,
}

/// oha's version, if it is there.
pub(crate) async fn version() -> Result<String> {
    match Command::new("oha").arg("--version").output().await {
        Ok(output) => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err("the load generator oha is not installed: cargo install oha --locked".into())
        }
        Err(error) => Err(format!("oha cannot be run: {error}").into()),
    }
}

impl Load {
    /// Loads the server at `addr` for one round.
    pub(crate) async fn run(&self, addr: SocketAddr) -> Result<Seen> {
        let mut urls = NamedTempFile::new()?;
        for path in &self.paths {
            writeln!(urls, "http://{addr}{path}")?;
        }
        let mut oha = Command::new("oha");
        // Requests that are under way at the end are waited for: CPU time is shared among all that were sent.
        oha.args([
            "--no-tui",
            "-w",
            "--disable-compression",
            "--output-format",
            "json",
        ])
        .args(["-c", &self.connections.to_string()])
        .args(["-z", &format!("{}s", self.seconds)]);
        if let Some(rate) = self.rate {
            oha.args(["-q", &rate.to_string(), "--latency-correction"]);
        }
        let mut bodies = NamedTempFile::new()?;
        for body in &self.bodies {
            writeln!(bodies, "{body}")?;
        }
        if self.bodies.is_empty() {
            oha.arg("--urls-from-file").arg(urls.path());
        } else {
            oha.args(["-m", "POST", "-T", "application/json", "-Z"])
                .arg(bodies.path())
                .arg(format!("http://{addr}{}", self.paths[0]));
        }
        oha.kill_on_drop(true);
        let output = oha.output().await?;
        if !output.status.success() {
            return Err(format!("oha failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        read(&output.stdout)
    }
}

fn read(json: &[u8]) -> Result<Seen> {
    let output: Output = serde_json::from_slice(json)
        .map_err(|error| format!("oha's output is not as expected: {error}"))?;
    let statuses = &output.status_code_distribution;
    if statuses.keys().any(|status| status != "200") || !output.error_distribution.is_empty() {
        let errors = &output.error_distribution;
        return Err(format!("not every answer was a 200: {statuses:?}, errors {errors:?}").into());
    }
    let percentile = |name| {
        let value = output.latency_percentiles.get(name).copied().flatten();
        value.ok_or_else(|| format!("oha gives no {name}"))
    };
    Ok(Seen {
        requests: f64::from(*statuses.get("200").ok_or("there was no answer")?),
        per_second: output.summary.requests_per_sec,
        p50: percentile("p50")?,
        p99: percentile("p99")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(statuses: &str, errors: &str) -> String {
        format!(
            r#"{{"summary": {{"requestsPerSec": 2.5}}, "latencyPercentiles": {{"p50": 0.001, "p99": 0.002}},
                "statusCodeDistribution": {statuses}, "errorDistribution": {errors}}}"#
        )
    }

    #[test]
    fn figures_are_read() {
        let seen = read(output(r#"{"200": 25}"#, "{}").as_bytes()).unwrap();
        assert_eq!(
            (seen.requests, seen.per_second, seen.p50, seen.p99),
            (25.0, 2.5, 0.001, 0.002)
        );
    }

    #[test]
    fn anything_but_200_is_an_error() {
        for (statuses, errors) in [
            (r#"{"200": 25, "502": 1}"#, "{}"),
            (r#"{"200": 25}"#, r#"{"refused": 1}"#),
            ("{}", "{}"),
        ] {
            assert!(
                read(output(statuses, errors).as_bytes()).is_err(),
                "{statuses} {errors}"
            );
        }
    }
}
