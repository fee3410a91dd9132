//! What an upstream's endpoints may be given as.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::super::EndpointAddress;

const SERVICE: &str = "srv+http://";

/// Where instances of a service are, or where it is said where they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// `http://host[:port]`: an IP address is one instance, a name is one for each address it has.
    Address(EndpointAddress),
    /// `srv+http://name`: the SRV records of the name say which hosts and ports (RFC 2782).
    Service(ServiceName),
}

/// A name with SRV records, such as `_http._tcp.stock.service.consul`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServiceName(Arc<str>);

impl Target {
    /// Reads an endpoint.
    ///
    /// # Errors
    /// In words, what is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix(SERVICE) {
            return ServiceName::parse(name).map(Self::Service);
        }
        let address = EndpointAddress::parse(text);
        address.map(Self::Address).map_err(|why| {
            if text.starts_with("http") {
                why
            } else {
                format!("{why}, or be of the form {SERVICE}name")
            }
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Service(name) => name.fmt(f),
        }
    }
}

impl ServiceName {
    fn parse(name: &str) -> Result<Self, String> {
        if name.contains(['/', '?', '#']) {
            return Err("takes no path, query or fragment: a name only".to_owned());
        }
        if name.contains('@') {
            return Err("takes no user information".to_owned());
        }
        if name.starts_with('[') || name.parse::<IpAddr>().is_ok() {
            return Err("has to be a name: an IP address has no SRV records".to_owned());
        }
        if name.contains(':') {
            return Err("takes no port: the SRV records tell it".to_owned());
        }
        let absolute = name.strip_suffix('.').unwrap_or(name);
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let is_label = |label: &str| matches!(label.len(), 1..=63) && label.chars().all(legal);
        if absolute.len() > 253 || !absolute.split('.').all(is_label) {
            return Err(
                "has to be a name of letters, digits, hyphens and underscores between dots"
                    .to_owned(),
            );
        }
        Ok(Self(name.into()))
    }

    /// The name as it was written.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SERVICE}{}", self.0)
    }
}
