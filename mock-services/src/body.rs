//! The body of a request.

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    dev::ServiceRequest,
    http::StatusCode,
    web::{Bytes, Payload},
};

use crate::answer;

/// No body that is written may be larger.
const MOST_BYTES: usize = 64 * 1024;

/// A body that was read before its turn.
struct Received(Result<Bytes, Unreadable>);

enum Unreadable {
    TooLarge,
    Broken(String),
}

/// Reads the body now, for the route to find it later.
///
/// The server does not read on while much of a body lies unread, so it would not see its client go.
pub(crate) async fn receive(req: &mut ServiceRequest) {
    let received = match req.extract::<Payload>().await {
        Ok(payload) => read(payload).await,
        Err(error) => Err(Unreadable::Broken(error.to_string())),
    };
    req.extensions_mut().insert(Received(received));
}

/// The whole body, or the answer to one that cannot be had.
pub(crate) async fn of(req: &HttpRequest, payload: Payload) -> Result<Bytes, HttpResponse> {
    let received = req.extensions_mut().remove::<Received>();
    let body = match received {
        Some(Received(body)) => body,
        None => read(payload).await,
    };
    body.map_err(|error| match error {
        Unreadable::TooLarge => answer::problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the body must have at most {MOST_BYTES} bytes"),
        ),
        Unreadable::Broken(error) => {
            answer::bad_request(&format!("the body cannot be read: {error}"))
        }
    })
}

async fn read(payload: Payload) -> Result<Bytes, Unreadable> {
    match payload.to_bytes_limited(MOST_BYTES).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => Err(Unreadable::Broken(error.to_string())),
        Err(_) => Err(Unreadable::TooLarge),
    }
}
