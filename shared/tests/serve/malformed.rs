//! Requests that are none, or are two at once, or are old.

use std::sync::{Mutex, Once};
use std::thread;

use crate::client::{Client, get};
use crate::server::{TestServer, patient, problem};

/// The thread and the words of every panic in this process.
static PANICS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

pub(crate) fn watch_panics() {
    static START: Once = Once::new();
    START.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let thread = format!("{:?}", thread::current().id());
            if let Ok(mut panics) = PANICS.lock() {
                panics.push((thread, panic.to_string()));
            }
            usual(panic);
        }));
    });
}

/// The panics on the one worker of this server.
pub(crate) async fn panics_of(server: &TestServer) -> Vec<String> {
    let worker = server.get("/thread").await.body;
    let panics = PANICS.lock().unwrap();
    let of_worker = panics.iter().filter(|(thread, _)| *thread == worker);
    of_worker.map(|(_, text)| text.clone()).collect()
}

/// Sends each request on a connection of its own and looks at the status of the answer. None panics, and the worker
/// goes on serving.
async fn statuses(requests: &[(&str, u16)]) {
    watch_panics();
    let server = patient();
    for (request, status) in requests {
        let answer = server.connect().await.exchange(request).await;
        assert_eq!(answer.status, *status, "{request:?}: {answer:?}");
    }
    server.still_serves().await;
    assert_eq!(panics_of(&server).await, Vec::<String>::new());
}

#[actix_web::test]
async fn two_ways_to_frame_a_body_are_a_400() {
    statuses(&[
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nContent-Length: 4, 4\r\n\r\nabcd", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST /bytes HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ])
    .await;
}

#[actix_web::test]
async fn a_body_framed_in_an_unknown_way_is_a_400() {
    statuses(&[
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: identity\r\n\r\n", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nContent-Length: +1\r\n\r\nx", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nContent-Length: 0x1\r\n\r\nx", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nContent-Length: 99999999999999999999\r\n\r\nx", 400),
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nContent-Length:\r\n\r\n", 400),
    ])
    .await;
}

#[actix_web::test]
async fn malformed_fields_are_a_400() {
    statuses(&[
        (
            "GET /quick HTTP/1.1\r\nHost: test\r\nFolded: one\r\n two\r\n\r\n",
            400,
        ),
        ("GET /quick HTTP/1.1\r\n Host: test\r\n\r\n", 400),
        (
            "GET /quick HTTP/1.1\r\nHost: test\r\nNul: a\0b\r\n\r\n",
            400,
        ),
        (
            "GET /quick HTTP/1.1\r\nHost: test\r\nReturn: a\rb\r\n\r\n",
            400,
        ),
        (
            "GET /quick HTTP/1.1\r\nHost: test\r\nBell: a\x07b\r\n\r\n",
            400,
        ),
        (
            "GET /quick HTTP/1.1\r\nHost: test\r\nA Name: value\r\n\r\n",
            400,
        ),
        (
            "GET /quick HTTP/1.1\r\nHost: test\r\nName : value\r\n\r\n",
            400,
        ),
        ("GET /quick HTTP/1.1\r\nHost: test\r\nNo colon\r\n\r\n", 400),
        (
            "GET /quick HTTP/1.1\r\nHost: test\r\n: no name\r\n\r\n",
            400,
        ),
        (
            "GET /quick HTTP/1.1\r\nHost: test\r\nN\u{e4}me: value\r\n\r\n",
            400,
        ),
        (
            "GET /quick HTTP/1.1\r\nHost: test\r\nHost: test\r\n\r\n",
            400,
        ),
        ("GET /quick HTTP/1.1\r\n\r\n", 400),
    ])
    .await;
}

#[actix_web::test]
async fn malformed_request_lines_are_a_400() {
    statuses(&[
        ("GET /quick\r\n\r\n", 400),
        ("GET /quick HTTP/0.9\r\n\r\n", 400),
        ("GET /quick HTTP/1.2\r\nHost: test\r\n\r\n", 400),
        ("GET /quick HTTP/2.0\r\nHost: test\r\n\r\n", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", 400),
        ("GET  /quick HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        ("GET /qu ick HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        ("GET /quick\0 HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        ("GET quick HTTP/1.1\r\nHost: test\r\n\r\n", 404),
        ("G\0T /quick HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        ("GET /qu\u{e4}ck HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        ("(GET) /quick HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        ("GET http:///quick HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        ("\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
    ])
    .await;
}

#[actix_web::test]
async fn every_form_of_target_is_understood() {
    statuses(&[
        ("GET http://test/quick HTTP/1.1\r\nHost: test\r\n\r\n", 200),
        (
            "GET http://elsewhere/quick?a=b HTTP/1.1\r\nHost: test\r\n\r\n",
            200,
        ),
        ("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n", 204),
        ("GET * HTTP/1.1\r\nHost: test\r\n\r\n", 404),
        ("CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n", 404),
        ("CONNECT /quick HTTP/1.1\r\nHost: test\r\n\r\n", 405),
        ("GET /quick?%zz HTTP/1.1\r\nHost: test\r\n\r\n", 200),
        ("GET /%zz HTTP/1.1\r\nHost: test\r\n\r\n", 404),
        ("GET /quick#fragment HTTP/1.1\r\nHost: test\r\n\r\n", 200),
    ])
    .await;
}

#[actix_web::test]
async fn old_and_lenient_forms_are_answered() {
    statuses(&[
        ("GET /quick HTTP/1.0\r\n\r\n", 200),
        ("\r\n\r\nGET /quick HTTP/1.1\r\nHost: test\r\n\r\n", 200),
        ("GET /quick HTTP/1.1\nHost: test\n\n", 200),
        ("GET /quick HTTP/1.1\r\nHost: test\r\nEmpty:\r\nSpaced: \t a \t \r\n\r\n", 200),
        ("GET /quick HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", 200),
        ("GET /quick HTTP/1.1\r\nHost: test\r\nUpgrade: h2c\r\nConnection: upgrade, http2-settings\r\n\r\n", 200),
        ("GET /quick HTTP/1.1\r\nHost: test\r\nExpect: nonsense\r\n\r\n", 200),
    ])
    .await;
}

#[actix_web::test]
async fn a_host_that_is_none_is_a_problem() {
    watch_panics();
    let server = patient();
    let mut client = server.connect().await;
    for host in [
        "a b", "user@a", "[::1", "a:80:80", "a:65536", "a:x", "a/b", "a?b", "a#b", "[]", "[a]",
        "\u{e4}",
    ] {
        let request = get("/quick").replace("Host: test", &format!("Host: {host}"));
        let answer = client.exchange(request).await;
        assert_eq!(answer.status, 400, "{host}");
        problem(&answer, 400, "invalidHost");
    }
    for host in [
        "a",
        "a:80",
        "a:",
        "127.0.0.1:8080",
        "[::1]",
        "[::1]:80",
        "",
        "a,b",
        "a_b",
        "xn--4ca",
    ] {
        let request = get("/quick").replace("Host: test", &format!("Host: {host}"));
        assert_eq!(client.exchange(request).await.status, 200, "{host}");
    }
    assert_eq!(panics_of(&server).await, Vec::<String>::new());
}

#[actix_web::test]
async fn a_head_too_large_is_a_problem_as_long_as_it_can_be_read() {
    watch_panics();
    let server = patient();
    let mut client = server.connect().await;
    let fields = |count: usize, length: usize| -> String {
        let field = |i: usize| format!("X-{i}: {}\r\n", "v".repeat(length));
        let fields: String = (0..count).map(field).collect();
        get("/quick").replace("\r\n\r\n", &format!("\r\n{fields}\r\n"))
    };

    let answer = client
        .exchange(get(&format!("/{}", "x".repeat(2048))))
        .await;
    problem(&answer, 414, "uriTooLong");
    problem(
        &client
            .exchange(get(&format!("/quick?{}", "x".repeat(10_000))))
            .await,
        414,
        "uriTooLong",
    );
    problem(
        &client
            .exchange(get(&format!("/{}", "x".repeat(2047))))
            .await,
        404,
        "unknownPath",
    );
    problem(
        &client.exchange(fields(1, 17_000)).await,
        431,
        "headTooLarge",
    );
    problem(&client.exchange(fields(90, 200)).await, 431, "headTooLarge");
    assert_eq!(client.exchange(fields(80, 180)).await.status, 200);

    // Beyond what actix reads it answers by itself.
    let bare = [
        (fields(100, 1), [400, 431]),
        (fields(1, 200_000), [400, 431]),
        (get(&format!("/{}", "x".repeat(70_000))), [400, 414]),
        (get(&format!("/{}", "x".repeat(200_000))), [400, 431]),
    ];
    for (request, allowed) in bare {
        let mut client = server.connect().await;
        client.try_send(&request).await;
        assert_refused(&mut client, &allowed).await;
    }
    server.still_serves().await;
    assert_eq!(panics_of(&server).await, Vec::<String>::new());
}

/// The connection ends, after an answer of one of these statuses or after none: what was not read when the server
/// closed can take the answer with it.
async fn assert_refused(client: &mut Client, allowed: &[u16]) {
    let told = client.closed().await;
    let status = told
        .get(9..12)
        .map(|status| String::from_utf8_lossy(status).into_owned());
    let is_allowed = |status: &String| allowed.iter().any(|allowed| *status == allowed.to_string());
    assert!(
        status.as_ref().is_none_or(is_allowed),
        "{:?}",
        String::from_utf8_lossy(&told)
    );
}

/// A known fault of the parser below actix: it panics. The connection is lost and the worker is not.
#[actix_web::test]
async fn a_field_name_of_64_kib_costs_its_connection_at_most() {
    let server = patient();
    let mut beside = server.connect().await;
    for length in [65_535, 65_536, 70_000, 200_000] {
        let field = format!("\r\nConnection: close\r\n{}: v\r\n\r\n", "n".repeat(length));
        let mut client = server.connect().await;

        client
            .try_send(get("/quick").replace("\r\n\r\n", &field))
            .await;

        assert_refused(&mut client, &[400, 431]).await;
        assert_eq!(beside.exchange(get("/quick")).await.status, 200);
        server.still_serves().await;
    }
}
