//! Whatever bytes a client sends, they make no 5xx and no panic, and the next client is served.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::malformed::{panics_of, watch_panics};
use crate::server::patient;

/// Pieces of requests: in some order they are one, in most they are not.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let fixed = prop::sample::select(vec![
        "GET /quick HTTP/1.1\r\n",
        "GET /quick HTTP/1.0\r\n",
        "HEAD /later/1 HTTP/1.1\r\n",
        "GET /later/2 HTTP/1.1\r\n",
        "POST /bytes HTTP/1.1\r\n",
        "POST /json HTTP/1.1\r\n",
        "POST /unread HTTP/1.1\r\n",
        "CONNECT test:80 HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "Host: test\r\n",
        "Host: test\r\n\r\n",
        "Content-Length: 8\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: 18446744073709551615\r\n",
        "Content-Type: application/json\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Expect: 100-continue\r\n",
        "Connection: close\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
        "X-Request-Id: a\r\n",
        "X-Envoy-Expected-Rq-Timeout-Ms: 0\r\n",
        "traceparent: nonsense\r\n",
        " folded\r\n",
        "\r\n",
        "{\"id\":1}",
        "8\r\n{\"id\":1}\r\n",
        "0\r\n\r\n",
        "ffffffffffffffff\r\n",
    ]);
    prop_oneof![
        9 => fixed.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

/// A good request with a few of its bytes changed.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop::sample::select(vec![
        "GET /quick?a=b HTTP/1.1\r\nHost: test:80\r\nX-Request-Id: abc\r\n\r\n",
        "POST /bytes HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello",
        "POST /json HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"a\":[1]}",
        "POST /bytes HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ]);
    let change = (any::<prop::sample::Index>(), any::<u8>());
    (whole, prop::collection::vec(change, 1..4)).prop_map(|(whole, changes)| {
        let mut bytes = whole.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

/// A request whose head is whole, with a body that may not be what the head says.
fn whole_head() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec![
        "GET /quick",
        "GET /later/1",
        "HEAD /quick",
        "POST /bytes",
        "POST /unread",
        "DELETE /quick",
    ]);
    let field = prop::sample::select(vec![
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Type: application/json\r\n",
        "Expect: 100-continue\r\n",
        "Connection: close\r\n",
        "Connection: keep-alive\r\n",
        "Upgrade: websocket\r\n",
        "X-Request-Id: a\r\n",
        "X-Envoy-Expected-Rq-Timeout-Ms: 0\r\n",
        "traceparent: nonsense\r\n",
    ]);
    let body = prop::sample::select(vec!["", "", "hello", "5\r\nhello\r\n0\r\n\r\n"]);
    (line, prop::collection::vec(field, 0..3), body).prop_map(|(line, fields, body)| {
        let fields = fields.concat();
        format!("{line} HTTP/1.1\r\nHost: test\r\n{fields}\r\n{body}").into_bytes()
    })
}

fn requests() -> impl Strategy<Value = Vec<u8>> {
    let one = prop_oneof![
        1 => prop::collection::vec(fragment(), 1..8).prop_map(|pieces| pieces.concat()),
        1 => damaged(),
        3 => whole_head(),
    ];
    prop::collection::vec(one, 1..4).prop_map(|requests| requests.concat())
}

#[actix_web::test]
async fn arbitrary_bytes_make_no_5xx_and_no_panic() {
    watch_panics();
    let server = patient();
    let mut runner = TestRunner::default();
    let (mut good, mut bad) = (0, 0);
    for _ in 0..1000 {
        let bytes = requests().new_tree(&mut runner).unwrap().current();

        let mut client = server.connect().await;
        client.try_send(&bytes).await;
        client.close_sending().await;
        let told = client.closed().await;

        let told = String::from_utf8_lossy(&told);
        let sent = String::from_utf8_lossy(&bytes);
        assert!(
            !told.contains("HTTP/1.1 5") && !told.contains("HTTP/1.0 5"),
            "{sent:?}: {told}"
        );
        good += usize::from(told.contains(" 200 OK"));
        bad += usize::from(told.contains(" 400 Bad Request"));
    }
    assert!(
        good > 100 && bad > 100,
        "{good} good ones and {bad} bad ones"
    );
    server.still_serves().await;
    assert_eq!(panics_of(&server).await, Vec::<String>::new());
}
