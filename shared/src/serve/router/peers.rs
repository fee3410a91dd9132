//! Who stands before us, and what that one may say of those before it.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::upstream::RequestHead;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies whose word on their own clients is taken.
#[derive(Debug, Clone)]
pub(super) struct Trusted(pub(super) Arc<[IpNet]>);

impl Trusted {
    fn has(&self, peer: Option<IpAddr>) -> bool {
        peer.is_some_and(|peer| self.0.iter().any(|net| net.contains(&peer)))
    }

    /// Adds `Forwarded` (RFC 7239) and the fields that came before it. What a trusted peer sent goes on with ours behind
    /// it; what anybody else sent does not.
    pub(super) fn forward(
        &self,
        peer: Option<IpAddr>,
        host: &str,
        received: &HeaderMap,
        head: &mut RequestHead,
    ) {
        // An IPv4 client of a listener for both is an IPv4 client.
        let peer = peer.map(|peer| peer.to_canonical());
        let trusted = self.has(peer);
        let mut text = String::with_capacity(96);
        let before = |name: &HeaderName, text: &mut String| {
            text.clear();
            let values = received.get_all(name).filter(|_| trusted);
            for value in values.filter_map(|value| value.to_str().ok()) {
                if !text.is_empty() {
                    text.push_str(", ");
                }
                text.push_str(value);
            }
            !text.is_empty()
        };
        // Writing to a String cannot fail.
        if before(&X_FORWARDED_FOR, &mut text) {
            text.push_str(", ");
        }
        match peer {
            Some(peer) => _ = write!(text, "{peer}"),
            None => text.push_str("unknown"),
        }
        head.field("x-forwarded-for", text.as_bytes());
        // Of these there is one, the first proxy's.
        if !before(&X_FORWARDED_PROTO, &mut text) {
            text.push_str("http");
        }
        head.field("x-forwarded-proto", text.as_bytes());
        if !before(&X_FORWARDED_HOST, &mut text) {
            text.push_str(host);
        }
        if !text.is_empty() {
            head.field("x-forwarded-host", text.as_bytes());
        }
        if before(&FORWARDED, &mut text) {
            text.push_str(", ");
        }
        match peer {
            Some(IpAddr::V4(peer)) => _ = write!(text, "for={peer}"),
            Some(IpAddr::V6(peer)) => _ = write!(text, "for=\"[{peer}]\""),
            None => text.push_str("for=unknown"),
        }
        if !host.is_empty() {
            // Quoted, since a port's colon may not stand in a token.
            _ = write!(text, ";host=\"{host}\"");
        }
        text.push_str(";proto=http");
        head.field("forwarded", text.as_bytes());
    }
}
