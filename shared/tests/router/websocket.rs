//! WebSocket, as far as a proxy cares: an opening handshake, and then bytes both ways.

use std::time::Duration;

use bff_shared::serve::Stop;
use tokio::sync::watch;

use crate::stack::{Service, Stack, request, stack_with};
use crate::wire::{Ended, Head, Wire, in_time};

const HANDSHAKE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\nOrigin: http://x\r\n";

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: def\r\n\r\n";

fn allowed(service: &Service) -> Stack {
    stack_with(&[service.addr], |setup| setup.route.websocket = true)
}

/// A connection over which the client and the service of `stack` have changed to WebSocket.
async fn opened(stack: &Stack) -> Wire {
    let mut client = stack.connect().await;
    client.send(request("GET", "chat", HANDSHAKE)).await;
    let head = client.head().await;
    assert_eq!(head.status(), 101, "{head:?}");
    client
}

#[actix_web::test]
async fn the_handshake_goes_through_and_then_bytes_do_both_ways() {
    let (sender, seen) = watch::channel(None);
    let service = Service::start(async move |mut wire, _| {
        sender.send_replace(Some(wire.head().await));
        // The first frame comes in the same packet as the head.
        wire.send(format!("{SWITCHED}hello")).await;
        loop {
            let word = wire.take(4).await;
            wire.send(&word).await;
            if word == b"stop" {
                return;
            }
        }
    });
    let stack = allowed(&service);
    let mut client = stack.connect().await;
    client.send(request("GET", "chat", HANDSHAKE)).await;
    let head = client.head().await;
    assert_eq!(head.line(), "HTTP/1.1 101 Switching Protocols");
    for (name, value) in [
        ("upgrade", Some("websocket")),
        ("connection", Some("upgrade")),
        ("sec-websocket-accept", Some("def")),
        ("transfer-encoding", None),
        ("content-length", None),
    ] {
        assert_eq!(head.field(name), value, "{head:?}");
    }
    let seen: Head = seen.borrow().clone().unwrap();
    for (name, value) in [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "abc"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat"),
        ("origin", "http://x"),
    ] {
        assert_eq!(seen.field(name), Some(value), "{seen:?}");
    }
    assert_eq!(client.text(5).await, "hello");
    for word in ["one.", "\u{0}\r\n.", "stop"] {
        client.send(word).await;
        assert_eq!(client.text(4).await, word);
    }
    client.closed().await;
    stack.is_idle().await;
}

#[actix_web::test]
async fn what_the_client_sends_with_its_handshake_is_not_lost() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send(SWITCHED).await;
        let early = wire.take(5).await;
        wire.send(early).await;
    });
    let stack = allowed(&service);
    let mut client = stack.connect().await;
    client
        .send(request("GET", "chat", HANDSHAKE) + "early")
        .await;
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(client.text(5).await, "early");
}

#[actix_web::test]
async fn the_last_words_of_the_client_arrive_and_then_the_end() {
    for how in [Ended::InOrder, Ended::Reset] {
        let (sender, mut seen) = watch::channel(None);
        let service = Service::start(async move |mut wire, _| {
            wire.head().await;
            wire.send(SWITCHED).await;
            let (rest, _) = wire.rest().await;
            sender.send_replace(Some(String::from_utf8(rest).unwrap()));
        });
        let stack = allowed(&service);
        let mut client = opened(&stack).await;
        client.send("goodbye").await;
        if how == Ended::Reset {
            assert!(client.is_silent().await);
            client.reset();
        } else {
            drop(client);
        }
        let seen = in_time(seen.wait_for(Option::is_some)).await.unwrap();
        assert_eq!(seen.as_deref(), Some("goodbye"));
        stack.is_idle().await;
    }
}

#[actix_web::test]
async fn the_last_words_of_the_service_arrive_and_then_the_end() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send(SWITCHED).await;
        wire.send("goodbye").await;
        wire.close_sending().await;
        wire.rest().await;
    });
    let stack = allowed(&service);
    let mut client = opened(&stack).await;
    let (rest, _) = client.rest().await;
    assert_eq!(rest, b"goodbye");
    stack.is_idle().await;
}

#[actix_web::test]
async fn a_route_without_websocket_asks_for_none() {
    let service = Service::mirror();
    let stack = stack_with(&[service.addr], |_| {});
    let mut client = stack.connect().await;
    client.send(request("GET", "chat", HANDSHAKE)).await;
    let (head, body) = client.message().await;
    assert_eq!(head.status(), 200);
    let received = Head(body);
    for name in ["upgrade", "connection", "sec-websocket-key"] {
        assert_eq!(received.field(name), None);
    }
    // actix has taken what follows for the body of that request.
    assert_eq!(head.field("connection"), Some("close"));
    client.closed().await;
}

#[actix_web::test]
async fn a_refused_handshake_is_answered_like_any_other_request() {
    for (answer, body) in [
        ("HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno", "no"),
        (
            "HTTP/1.1 403 No\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n1\r\n!\r\n0\r\n\r\n",
            "no!",
        ),
        (
            "HTTP/1.1 426 Upgrade\r\nupgrade: websocket\r\ncontent-length: 0\r\n\r\n",
            "",
        ),
    ] {
        let service = Service::answering(answer);
        let stack = allowed(&service);
        let mut client = stack.connect().await;
        client.send(request("GET", "chat", HANDSHAKE)).await;
        let (_, received) = client.message().await;
        assert_eq!(received, body);
        client.closed().await;
        stack.is_idle().await;
    }
}

#[actix_web::test]
async fn other_protocols_are_not_asked_for() {
    let service = Service::mirror();
    let stack = allowed(&service);
    for fields in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n",
        "Connection: upgrade\r\nUpgrade: TLS/1.0\r\n",
        // No handshake: Connection does not name it, or the version is missing.
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\n",
    ] {
        let (head, body) = stack.exchange(request("GET", "", fields)).await;
        assert_eq!(head.status(), 200, "{fields}");
        assert_eq!(Head(body).field("upgrade"), None, "{fields}");
    }
}

#[actix_web::test]
async fn silence_in_both_directions_ends_it_and_words_in_either_do_not() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send(SWITCHED).await;
        wire.rest().await;
    });
    let stack = stack_with(&[service.addr], |setup| {
        setup.route.websocket = true;
        setup.route.idle_timeout = Duration::from_secs(1);
    });
    let mut client = opened(&stack).await;
    for _ in 0..15 {
        client.send("ping").await;
        assert!(client.is_silent().await);
    }
    client.closed().await;
    stack.is_idle().await;
}

#[actix_web::test]
async fn it_may_be_silent_for_longer_than_an_idle_connection_is_kept() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send(SWITCHED).await;
        let word = wire.take(4).await;
        wire.send(word).await;
    });
    let stack = stack_with(&[service.addr], |setup| {
        setup.route.websocket = true;
        setup.server.keep_alive = Duration::from_secs(1);
        setup.server.head_timeout = Duration::from_secs(1);
    });
    let mut client = opened(&stack).await;
    tokio::time::sleep(Duration::from_millis(3500)).await;
    client.send("ping").await;
    assert_eq!(client.text(4).await, "ping");
}

#[actix_web::test]
async fn many_of_them_leave_the_endpoint_to_others() {
    let service = Service::start(async |mut wire, _| {
        while let Some(head) = wire.next_head().await {
            if head.field("upgrade").is_none() {
                wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                    .await;
                continue;
            }
            wire.send(SWITCHED).await;
            wire.rest().await;
            return;
        }
    });
    let stack = allowed(&service);
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(opened(&stack).await);
    }
    assert_eq!(stack.report().await["inFlight"], 50);
    let (head, _) = stack.get("7").await;
    assert_eq!(head.status(), 200);
    drop(clients);
    stack.is_idle().await;
}

#[actix_web::test]
async fn it_ends_with_the_server() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send(SWITCHED).await;
        wire.rest().await;
    });
    let mut stack = stack_with(&[service.addr], |setup| {
        setup.route.websocket = true;
        setup.server.stop_timeout = Duration::from_millis(300);
    });
    let mut client = opened(&stack).await;
    stack.stop(Stop::Now);
    stack.ended().await;
    client.closed().await;
}
