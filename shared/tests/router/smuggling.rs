//! Requests of which two readers might see two, or another one.

use crate::stack::{PREFIX, Service, problem, request, stack};

#[actix_web::test]
async fn a_body_of_two_lengths_is_refused_and_the_connection_closed() {
    let service = Service::mirror();
    let stack = stack(&[service.addr]);
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 5x\r\n",
        "Content-Length: 0x5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding : chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n",
        "Host: second.example\r\n",
    ] {
        let mut client = stack.connect().await;
        // What follows is a request to one reader, and a body to the other.
        let hidden = request("GET", "hidden", "");
        client
            .send(request("POST", "7", fields) + "0\r\n\r\n" + &hidden)
            .await;
        let (answer, _) = client.rest().await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{fields:?} {answer}");
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{fields:?} {answer}"
        );
    }
    assert_eq!(service.connections(), 0);
}

#[actix_web::test]
async fn old_clients_send_no_chunks() {
    let service = Service::mirror();
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    let head =
        format!("POST {PREFIX} HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    client.send(head).await;
    let (answer, _) = client.rest().await;
    assert!(answer.starts_with(b"HTTP/1.1 400 ") || answer.starts_with(b"HTTP/1.0 400 "));
    assert_eq!(service.connections(), 0);
}

#[actix_web::test]
async fn a_wish_for_websocket_hides_no_body() {
    let service = Service::mirror();
    let stack = stack(&[service.addr]);
    for fields in [
        "Upgrade: websocket\r\nContent-Length: 3\r\n",
        "Upgrade: WebSocket\r\nConnection: upgrade\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let mut client = stack.connect().await;
        let hidden = request("GET", "hidden", "");
        client
            .send(request("POST", "7", fields) + "0\r\n\r\n" + &hidden)
            .await;
        let answer = client.message().await;
        problem(&answer, 400, "badRequest");
        if fields.contains("chunked") {
            // Its end is plain, and what follows is another request.
            let (_, body) = client.message().await;
            assert!(body.starts_with("GET /hidden "), "{body}");
        } else {
            client.closed().await;
            assert_eq!(service.connections(), 0);
        }
    }
}

#[actix_web::test]
async fn an_answer_of_two_lengths_is_a_502_and_its_connection_is_not_used_again() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        "SIP/2.0 200 OK\r\n\r\n",
    ] {
        let service = Service::answering(answer);
        let stack = stack(&[service.addr]);
        for count in 1..=2 {
            let answered = stack.get("7").await;
            problem(&answered, 502, "upstreamInvalidResponse");
            assert_eq!(service.connections(), count, "{answer}");
        }
    }
}

#[actix_web::test]
async fn bytes_behind_an_answer_belong_to_no_request() {
    let service = Service::answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
    );
    let stack = stack(&[service.addr]);
    for count in 1..=3 {
        let (head, body) = stack.get("7").await;
        assert_eq!((head.status(), &*body), (200, "ok"));
        assert_eq!(
            service.connections(),
            count,
            "the connection is not used again"
        );
    }
}

#[actix_web::test]
async fn requests_in_one_packet_are_answered_in_turn() {
    let service = Service::mirror();
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    let requests = ["1", "2", "3"].map(|rest| request("GET", rest, ""));
    client.send(requests.concat()).await;
    for rest in 1..=3 {
        let (_, body) = client.message().await;
        assert!(body.starts_with(&format!("GET /{rest} ")), "{body}");
    }
}
