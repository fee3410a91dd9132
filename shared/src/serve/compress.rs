//! Answers in fewer bytes: br, zstd or gzip, as the client prefers.
//!
//! Only what is whole in memory is coded, on the worker that made it, and so only up to [`MAX`]; a stream passes as it is.
//! Whatever could be coded for another client has `Vary: Accept-Encoding`, coded or not, and a weak `ETag`: it says that
//! the answers mean the same, which is all that it can say of different bytes (RFC 9110, section 8.8.1), and so it is the
//! same in every coding, and `If-None-Match` works with a tag from any.
//!
//! BREACH finds out a secret by its length when a body is compressed that holds the secret and beside it text that an
//! attacker chose. No answer here repeats the text of a request beside a secret. A route that must gives its answer
//! `Cache-Control: no-transform`, and it is left as it is.

mod negotiation;

use std::cell::RefCell;
use std::io::{self, Write as _};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody as _};
use actix_web::error::Error;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderValue,
};
use actix_web::web::Bytes;
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;

use self::negotiation::Coding;
use super::headers;

/// The smallest body that is coded, in bytes: one that fits into a packet as it is gains nothing.
const MIN: u64 = 1000;

/// The largest body that is coded, in bytes. The slowest coding takes 10 ms for it, in which its worker does nothing else.
const MAX: u64 = 1024 * 1024;

/// `response`, and its body if that may be coded. Whichever way it then goes out, that it may is in its head.
pub(super) fn offer(response: HttpResponse) -> (HttpResponse, Option<Bytes>) {
    if !matches!(response.body().size(), BodySize::Sized(MIN..=MAX)) || !is_codable(&response) {
        return (response, None);
    }
    let mut whole = None;
    let mut response = response.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => {
            whole = Some(bytes.clone());
            BoxBody::new(bytes)
        }
        Err(stream) => stream,
    });
    if whole.is_some() {
        headers::vary(response.headers_mut(), "Accept-Encoding");
        weaken(response.headers_mut());
    }
    (response, whole)
}

/// Codes `response`, whose body is `whole`, as its client prefers. The answer to HEAD gets the head alone, without a
/// length: that would be known only after the work was done.
pub(super) fn settle(
    request: &HeaderMap,
    mut response: HttpResponse,
    whole: &[u8],
    is_head: bool,
) -> HttpResponse {
    let Some(coding) = negotiation::preferred(request) else {
        return response;
    };
    let body = if is_head {
        BoxBody::new(BodyStream::new(stream::empty::<Result<Bytes, Error>>()))
    } else {
        match encode(coding, whole) {
            Ok(coded) => BoxBody::new(coded),
            Err(error) => {
                log::error!("an answer cannot be coded: {error}");
                return response;
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    headers.remove(CONTENT_LENGTH);
    response.map_body(|_, _| body)
}

fn is_codable(response: &HttpResponse) -> bool {
    let headers = response.headers();
    let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
    !is_part
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_RANGE)
        && headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| is_compressible(kind.as_bytes()))
        && !headers
            .get_all(CACHE_CONTROL)
            .any(|field| forbids(field.as_bytes()))
}

/// Whether this media type is text of some kind.
fn is_compressible(kind: &[u8]) -> bool {
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii();
    let is = |known: &str| essence.eq_ignore_ascii_case(known.as_bytes());
    let begins = |start: &str| {
        let len = start.len();
        essence.len() > len && essence[..len].eq_ignore_ascii_case(start.as_bytes())
    };
    is("application/json")
        || is("application/problem+json")
        || is("application/graphql-response+json")
        || begins("text/")
        || is("application/javascript")
        || is("image/svg+xml")
}

fn forbids(cache_control: &[u8]) -> bool {
    cache_control
        .split(|byte| *byte == b',')
        .any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
}

/// A strong tag stands for bytes, of which there are several now.
fn weaken(headers: &mut HeaderMap) {
    let strong = headers
        .get(ETAG)
        .filter(|tag| tag.as_bytes().starts_with(b"\""));
    let weak = strong.and_then(|tag| {
        let weak = [b"W/", tag.as_bytes()].concat();
        HeaderValue::from_maybe_shared(Bytes::from(weak)).ok()
    });
    if let Some(weak) = weak {
        headers.insert(ETAG, weak);
    }
}

fn encode(coding: Coding, whole: &[u8]) -> io::Result<Vec<u8>> {
    match coding {
        Coding::Brotli => brotli(whole),
        Coding::Zstd => zstd(whole),
        Coding::Gzip => gzip(whole),
    }
}

/// What this leaves of a text, roughly, with some room.
fn room(whole: &[u8]) -> Vec<u8> {
    Vec::with_capacity(whole.len() / 3)
}

fn brotli(mut whole: &[u8]) -> io::Result<Vec<u8>> {
    let params = BrotliEncoderParams {
        // Beyond 64 KiB 5 takes two and a half times as long for 8% less.
        quality: if whole.len() <= 64 * 1024 { 5 } else { 2 },
        // 256 KiB. Never 16 or less, even for a small body: this encoder then takes another way, a hundred times as long.
        lgwin: 18,
        size_hint: whole.len(),
        ..BrotliEncoderParams::default()
    };
    let mut coded = room(whole);
    brotli::BrotliCompress(&mut whole, &mut coded, &params)?;
    Ok(coded)
}

fn zstd(whole: &[u8]) -> io::Result<Vec<u8>> {
    thread_local! {
        /// Used again, it takes a third of the time of a new one for a body of a few kilobytes.
        static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    }
    COMPRESSOR.with_borrow_mut(|compressor| match compressor {
        Some(compressor) => compressor.compress(whole),
        None => compressor
            .insert(zstd::bulk::Compressor::new(3)?)
            .compress(whole),
    })
}

fn gzip(whole: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(room(whole), Compression::new(6));
    encoder.write_all(whole)?;
    encoder.finish()
}
