//! Whatever a server sends, a call ends without a panic, and is answered only by what is an answer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bff_shared::upstream::{Context, Deadline, Instant};
use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::calls::{Upstream, get};
use super::frames::{self, DATA, HEADERS, PING, Raw, SETTINGS, answer, frame};
use super::server::{Answer, End, Fields, Server, framed, message};

fn run<S: Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(strategy, test);
    assert!(outcome.is_ok(), "{outcome:?}");
}

/// The answer to a call with little time: the time is for answers whose rest never comes.
async fn soon(upstream: &Upstream) -> Option<u32> {
    let context = Context::new(Deadline::after(Instant::now(), Duration::from_millis(100)));
    let answer = upstream.call(&context, get(1)).await;
    answer.ok().map(|answer| answer.value.id)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(message(1)),
        1 => Just(message(1)[..5].to_vec()),
        1 => Just(framed(0, b"")),
        1 => Just(framed(1, b"\x08\x01")),
        1 => Just(framed(0, b"\x08")),
        2 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

fn field() -> impl Strategy<Value = (&'static str, &'static str)> {
    let name = prop::sample::select(vec![
        "grpc-status",
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "grpc-retry-pushback-ms",
        "grpc-encoding",
        "cache-control",
        "content-type",
        "x-other-bin",
    ]);
    let value = prop::sample::select(vec![
        "0",
        "0",
        "1",
        "5",
        "14",
        "-1",
        "99999999999",
        "",
        "%",
        "%ff%00",
        "gzip",
        "identity",
        "application/grpc",
        "application/grpc+proto",
        "text/html",
        "no-store, max-age=\"",
        "max-age=99999999999999999999",
        "AAA",
        "=",
        "\u{e4}",
    ]);
    (name, value)
}

fn fields() -> impl Strategy<Value = Fields> {
    prop::collection::vec(field(), 0..4)
}

fn arbitrary() -> impl Strategy<Value = Answer> {
    let status = prop::sample::select(vec![200, 200, 200, 204, 304, 404, 503]);
    let kind = prop::option::weighted(0.8, Just(("content-type", "application/grpc")));
    let good = prop::option::weighted(0.5, Just(("grpc-status", "0")));
    let end = prop_oneof![
        4 => (good, fields()).prop_map(|(good, fields)| {
            End::Trailers(good.into_iter().chain(fields).collect())
        }),
        1 => Just(End::Data),
        // Now and then: each of them takes the time there is.
        1 => Just(End::Never),
    ];
    let data = prop::collection::vec(bytes(), 0..3);
    (status, kind, fields(), data, end).prop_map(|(status, kind, fields, data, end)| Answer {
        status,
        head: kind.into_iter().chain(fields).collect(),
        data: data.into_iter().map(Bytes::from).collect(),
        end,
    })
}

/// The first value of `name`.
fn value(fields: &Fields, name: &str) -> Option<&'static str> {
    let mut fields = fields.iter();
    fields
        .find(|(own, _)| *own == name)
        .map(|(_, value)| *value)
}

/// Whether an answer says, by the rules, that it is one message and that all went well.
fn is_well_formed(answer: &Answer) -> bool {
    let End::Trailers(trailers) = &answer.end else {
        return false;
    };
    let body = answer.data.concat();
    let is_one_message = body.len() >= 5 && body[0] == 0 && {
        let length = u32::from_be_bytes([body[1], body[2], body[3], body[4]]);
        length as usize == body.len() - 5
    };
    let encoding = value(&answer.head, "grpc-encoding");
    is_one_message
        && value(&answer.head, "grpc-status").is_none()
        && value(&answer.head, "content-type")
            .is_some_and(|kind| kind.starts_with("application/grpc"))
        && encoding.is_none_or(|encoding| encoding == "identity")
        && value(trailers, "grpc-status") == Some("0")
}

#[test]
fn only_a_well_formed_answer_is_one() {
    let system = actix_rt::System::new();
    let next = Rc::new(RefCell::new(None));
    let (upstream, server) = system.block_on(async {
        let next = Rc::clone(&next);
        let server = Server::answering(move |received| {
            let next: Option<Answer> = next.borrow_mut().take();
            next.unwrap_or(Answer::thing(received.id()))
        });
        (Upstream::of(&server), server)
    });
    let taken = Cell::new(0);
    run(400, &arbitrary(), |answer| {
        next.replace(Some(answer.clone()));
        system.block_on(async {
            if soon(&upstream).await.is_some() {
                prop_assert!(is_well_formed(&answer), "{:?}", answer);
                taken.set(taken.get() + 1);
            }
            // On a very busy machine the call may have ended before it was sent.
            next.take();
            prop_assert_eq!(upstream.get(2).await, Ok(2));
            Ok(())
        })
    });
    assert!(taken.get() > 0, "some of them are answers");
    assert_eq!(server.connections(), 1, "no stream takes another with it");
}

/// Frames that may stand in an answer, and bytes that may not.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let good = prop::sample::select(vec![
        frames::head(1),
        frames::data(1, &message(1)),
        frames::trailers(1, "0"),
        frames::trailers(1, "14"),
        answer(1, 1),
        answer(3, 3),
        frames::reset(1, h2::Reason::CANCEL),
        frames::go_away(1, h2::Reason::NO_ERROR),
        frames::go_away(0, h2::Reason::ENHANCE_YOUR_CALM),
        frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 0]),
        frame(PING, 0, 0, &[0; 8]),
    ]);
    let any_frame = (
        prop_oneof![Just(DATA), Just(HEADERS), 0..12u8],
        any::<u8>(),
        0..4u32,
        prop::collection::vec(any::<u8>(), 0..30),
    );
    prop_oneof![
        8 => good,
        3 => any_frame.prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload)),
        1 => prop::collection::vec(any::<u8>(), 0..60),
    ]
}

#[test]
fn any_frames_end_in_an_outcome_and_the_next_call_is_answered() {
    let system = actix_rt::System::new();
    let next = Rc::new(RefCell::new(Vec::<Vec<u8>>::new()));
    let server = system.block_on(async {
        let next = Rc::clone(&next);
        Server::frames(async move |mut raw: Raw| {
            let pieces = next.take();
            if pieces.is_empty() {
                raw.greet().await;
                return raw.serve().await;
            }
            raw.greet().await;
            _ = raw.frame().await;
            for piece in &pieces {
                raw.send(piece).await;
                tokio::task::yield_now().await;
            }
            raw.until_closed().await;
        })
    });
    run(
        200,
        &(prop::collection::vec(piece(), 1..6), any::<bool>()),
        |(pieces, _)| {
            let well = pieces.concat();
            next.replace(pieces);
            system.block_on(async {
                // A client of its own, so that its first call is the first of a connection.
                let upstream = Upstream::of(&server);
                if let Some(id) = soon(&upstream).await {
                    let whole = answer(1, 1);
                    let trailer = frames::trailers(1, "0");
                    let has_end = well.windows(trailer.len()).any(|part| part == trailer);
                    prop_assert!(
                        has_end && whole.len() <= well.len() && id <= 1,
                        "{:?}",
                        well
                    );
                }
                next.take();
                let fresh = Upstream::of(&server);
                prop_assert_eq!(fresh.get(2).await, Ok(2));
                Ok(())
            })
        },
    );
}
