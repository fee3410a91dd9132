//! The proxy's faults over HTTP, and the proxy as a program.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
};

use mock_services::{
    fault::Latency,
    proxy::{self, Cut, Options, Proxy, ProxyFault, Reset, Way},
};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    binaries::{Program, program, stdout},
    http::{Answer, Problem as _, send},
    proxy::{ANSWER, Client, GET, Service, patiently, until},
};

fn start(service: &Service) -> (Proxy, SocketAddr) {
    let proxy = proxy::start(&Options {
        control: Some("127.0.0.1:0".parse().expect("an address")),
        ..Options::to(service.addr)
    })
    .expect("free ports");
    let control = proxy.control().expect("a control address");
    (proxy, control)
}

async fn put(control: SocketAddr, body: &Value) -> Answer {
    send(control, "PUT", "/faults", &[], &body.to_string()).await
}

fn faults(proxy: &Proxy) -> Vec<ProxyFault> {
    proxy
        .faults()
        .report()
        .into_iter()
        .map(|report| report.fault)
        .collect()
}

#[actix_web::test]
async fn faults_are_set_shown_and_cleared_over_http() {
    let service = Service::start(ANSWER).await;
    let (proxy, control) = start(&service);
    let set = json!({ "faults": [
        { "times": 2, "latency": { "fixedMs": 0 } },
        { "share": 0.5, "reset": "midHead" },
    ] });
    assert_eq!(put(control, &set).await.status, 200);
    let mut client = Client::connect(proxy.addr()).await;
    client.send(GET).await;
    let _ = client.comes().await;
    let shown = send(control, "GET", "/faults", &[], "").await;
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    let shown = shown.json();
    assert_eq!(
        shown["faults"][0],
        json!({
            "share": 1.0, "times": 2, "applied": 1, "remaining": 1, "latency": { "fixedMs": 0 },
        })
    );
    assert_eq!(shown["faults"][1]["reset"], "midHead");
    assert_eq!(shown["faults"][1]["remaining"], Value::Null);

    assert_eq!(
        send(control, "DELETE", "/faults", &[], "").await.status,
        204
    );
    let shown = send(control, "GET", "/faults", &[], "").await;
    assert_eq!(shown.body, r#"{"faults":[]}"#);

    let answer = send(control, "POST", "/faults", &[], "").await;
    assert_eq!(answer.header("allow"), Some("GET, HEAD, PUT, DELETE"));
    answer.problem(405);
    send(control, "GET", "/", &[], "").await.problem(404);
    // What is asked of the control address is none of the proxy's requests.
    assert_eq!((proxy.requests(), proxy.connections()), (1, 1));
}

#[actix_web::test]
async fn refusing_over_http_takes_effect_before_the_answer() {
    let service = Service::start(ANSWER).await;
    let (proxy, control) = start(&service);
    let refuse = json!({ "faults": [{ "refuse": true }] });
    assert_eq!(put(control, &refuse).await.status, 200);
    assert!(TcpStream::connect(proxy.addr()).await.is_err());
    send(control, "DELETE", "/faults", &[], "").await;
    let mut client = Client::connect(proxy.addr()).await;
    client.send(GET).await;
    client.expect(ANSWER).await;
    patiently("the proxy to stop", proxy.stop()).await;
    until("the control address to close", async || {
        TcpStream::connect(control).await.is_err()
    })
    .await;
}

#[actix_web::test]
async fn what_the_constructors_make_the_endpoint_takes() {
    let service = Service::start(ANSWER).await;
    let (proxy, control) = start(&service);
    let sets = [
        vec![ProxyFault::refuse()],
        vec![
            ProxyFault::flap_ms(60_000, 60_000).share(0.5).times(3),
            ProxyFault::black_hole_requests(),
            ProxyFault::black_hole_answers().share(0.25),
            ProxyFault::hang().times(1),
            ProxyFault::reset(Reset::AfterRequest),
            ProxyFault::reset_after_request(),
            ProxyFault::reset_before_head(),
            ProxyFault::reset_mid_head(),
            ProxyFault::reset_after_head(),
            ProxyFault::reset_mid_body(),
            ProxyFault::cut(Cut::Sized),
            ProxyFault::cut(Cut::InChunk),
            ProxyFault::cut(Cut::BeforeLastChunk),
            ProxyFault::drip_ms(0),
            ProxyFault::early_hints(),
            ProxyFault::garbage(),
            ProxyFault::announce_extra(1),
            ProxyFault::announce_huge(),
            ProxyFault::latency_ms(60_000),
            ProxyFault::latency(Latency::ParetoMs { min: 1, shape: 1.5 }),
        ],
    ];
    for set in sets {
        let answer = put(control, &json!({ "faults": set })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(faults(&proxy), set);
    }
}

#[actix_web::test]
async fn a_bad_set_changes_nothing_and_every_error_is_told() {
    let service = Service::start(ANSWER).await;
    let (proxy, control) = start(&service);
    proxy.faults().set(vec![ProxyFault::hang()]);
    let set = json!({ "faults": [
        { "hang": true },
        { "share": 0, "times": 0, "garbage": false, "route": "/orders" },
        { "refuse": true, "times": 1 },
        { "flap": { "upMs": 0 } },
        { "blackHole": "both" },
        { "reset": "now" },
        { "cut": true },
        { "drip": { "intervalMs": 60_001 } },
        { "announce": { "extraBytes": 0 } },
        { "latency": { "fixedMs": -1 } },
        { "earlyHints": 1, "hang": true },
        {},
        7,
    ] });
    let detail = put(control, &set).await.problem(400);
    for error in [
        "faults[1].share must be a number above 0, up to 1, not 0",
        "faults[1].times must be a whole number from 1, not 0",
        "faults[1].garbage must be true, not false",
        "faults[1] has an unknown field route; known are share, times, refuse, flap, ",
        "faults[2] must have neither share nor times with refuse",
        "faults[3].flap.upMs must be a whole number from 1 to 60000, not 0",
        "faults[3].flap.downMs is missing",
        "faults[4].blackHole must be one of requests, answers, not \"both\"",
        "faults[5].reset must be one of afterRequest, beforeHead, midHead, afterHead, midBody, not",
        "faults[6].cut must be one of sized, inChunk, beforeLastChunk, not true",
        "faults[7].drip.intervalMs must be a whole number from 0 to 60000, not 60001",
        "faults[8].announce.extraBytes must be a whole number from 1 to 9007199254740991, not 0",
        "faults[9].latency.fixedMs must be a whole number from 0 to 60000, not -1",
        "faults[10] must have one of refuse, flap, blackHole, hang, reset, cut, drip, earlyHints, \
         garbage, announce, latency, not 2",
        "faults[10].earlyHints must be true, not 1",
        "faults[11] must have one of ",
        "faults[12] must be an object, not 7",
    ] {
        assert!(detail.contains(error), "{error}: not in {detail}");
    }
    assert!(!detail.contains("faults[0]"), "{detail}");

    let two = json!({ "faults": [{ "refuse": true }, { "flap": { "upMs": 1, "downMs": 1 } }] });
    let detail = put(control, &two).await.problem(400);
    assert_eq!(
        detail,
        "faults must have at most one of refuse and flap, not 2"
    );
    for body in [json!({}), json!([]), json!({ "faults": 1 })] {
        put(control, &body).await.problem(400);
    }
    send(control, "PUT", "/faults", &[], "{").await.problem(400);
    assert_eq!(faults(&proxy), [ProxyFault::hang()]);

    let handle = proxy.faults().clone();
    let bad = tokio::spawn(async move { handle.set(vec![ProxyFault::refuse().times(1)]) });
    assert!(bad.await.expect_err("a panic").is_panic());
    assert_eq!(faults(&proxy), [ProxyFault::hang()]);
}

#[actix_web::test]
async fn an_address_that_is_taken_is_named() {
    let service = Service::start(ANSWER).await;
    let (proxy, control) = start(&service);
    for options in [
        Options {
            listen: proxy.addr(),
            ..Options::to(service.addr)
        },
        Options {
            control: Some(control),
            ..Options::to(service.addr)
        },
        Options {
            second: Some(Way {
                listen: proxy.addr(),
                upstream: service.addr,
            }),
            ..Options::to(service.addr)
        },
    ] {
        let second = options.second.map(|way| way.listen);
        let taken = second.or(options.control).unwrap_or(options.listen);
        let taken = taken.to_string();
        let error = proxy::start(&options).expect_err("taken").to_string();
        assert!(error.contains(&taken), "{error}");
    }
}

const PATH: &str = env!("CARGO_BIN_EXE_fault-proxy");

#[test]
fn the_program_says_what_it_takes() {
    let help = stdout(&program(PATH, &["--help"]).success());
    for expected in [
        "Usage: fault-proxy [OPTIONS] --upstream <ADDR>",
        "--listen <ADDR>",
        "[default: 127.0.0.1:8090]",
        "--control <ADDR>",
        r#"{"faults":[{"reset":"midHead","share":0.1,"times":3}]}"#,
    ] {
        assert!(help.contains(expected), "{expected}: not in {help}");
    }
    program(PATH, &[]).failure().code(2);
}

#[actix_web::test]
async fn the_program_passes_on_takes_faults_and_stops_on_a_signal() {
    let service = Service::start(ANSWER).await;
    let child = Command::new(PATH)
        .args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"])
        .args(["--upstream", &service.addr.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut running = Program(child);
    let output = running.0.stdout.take().expect("piped");
    let mut lines = BufReader::new(output).lines();
    let mut addr = |prefix: &str| -> SocketAddr {
        let line = lines.next().expect("a line").expect("text");
        let addr = line
            .strip_prefix(prefix)
            .unwrap_or_else(|| panic!("{line:?}"));
        addr.trim_end_matches("/faults")
            .parse()
            .expect("an address")
    };
    let listen = addr("fault-proxy listens on http://");
    let control = addr("fault-proxy takes faults at http://");

    let mut client = Client::connect(listen).await;
    client.send(GET).await;
    client.expect(ANSWER).await;
    let refuse = json!({ "faults": [{ "refuse": true }] });
    assert_eq!(put(control, &refuse).await.status, 200);
    assert!(TcpStream::connect(listen).await.is_err());

    let taken = control.to_string();
    program(PATH, &["--listen", &taken, "--upstream", &taken])
        .failure()
        .code(1);
    let pid = running.0.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(killed.expect("kill").success());
    assert_eq!(running.0.wait().expect("ends").code(), Some(0));
}
