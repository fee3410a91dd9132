//! What an attempt gets of the time there is, and where it goes.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_attempt_is_given_up_when_its_time_is_over() {
    let start = Instant::now();
    let (client, _) = client(config(&["http://10.0.0.1"]), [(NEVER, ok())]);

    let error = ask(&client, &within(NEVER), Request::get("/"))
        .await
        .unwrap_err();

    assert_eq!(
        (error.kind(), start.elapsed()),
        (ErrorKind::Timeout, 800 * MS)
    );
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_cuts_the_attempt_short_and_is_passed_on() {
    let start = Instant::now();
    let (client, transport) = client(config(&["http://10.0.0.1"]), [(NEVER, ok())]);

    let error = ask(&client, &within(50 * MS), Request::get("/"))
        .await
        .unwrap_err();

    assert_eq!(
        (error.kind(), start.elapsed()),
        (ErrorKind::Timeout, 50 * MS)
    );
    assert_eq!(transport.asked.borrow()[0].remaining, 50 * MS);
}

#[tokio::test(start_paused = true)]
async fn the_upstreams_own_deadline_holds_where_the_caller_would_wait_longer() {
    let (client, transport) = client(config(&["http://10.0.0.1"]), [(MS, ok())]);

    assert_eq!(ask(&client, &within(NEVER), Request::get("/")).await, Ok(1));

    assert_eq!(
        transport.asked.borrow()[0].remaining,
        Duration::from_secs(2)
    );
}

#[tokio::test(start_paused = true)]
async fn with_no_time_left_nobody_is_asked() {
    let (client, transport) = client(config(&["http://10.0.0.1"]), []);

    let error = ask(&client, &within(Duration::ZERO), Request::get("/"))
        .await
        .unwrap_err();

    assert_eq!(
        (error.kind(), error.maybe_processed()),
        (ErrorKind::Timeout, false)
    );
    assert!(transport.asked.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_repeat_has_what_the_first_attempt_left_of_the_deadline() {
    let start = Instant::now();
    let stale = (300 * MS, Err(TransportError::StaleConnection));
    let (client, transport) = client(
        config(&["http://10.0.0.1", "http://10.0.0.2"]),
        [stale, (NEVER, ok())],
    );

    let error = ask(&client, &within(500 * MS), Request::get("/"))
        .await
        .unwrap_err();

    assert_eq!(
        (error.kind(), start.elapsed()),
        (ErrorKind::Timeout, 500 * MS)
    );
    let asked = transport.asked.borrow();
    assert_eq!(
        asked
            .iter()
            .map(|a| (a.at - start, a.remaining))
            .collect::<Vec<_>>(),
        [(Duration::ZERO, 500 * MS), (300 * MS, 200 * MS)]
    );
    assert_ne!(
        asked[0].endpoint, asked[1].endpoint,
        "the repeat goes to the next endpoint"
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_connection_is_worth_one_repeat_and_no_second() {
    let stale = || (MS, Err(TransportError::StaleConnection));
    let cut = || (MS, Err(TransportError::CutShort("a body")));
    let both = [
        ([stale(), stale()], ErrorKind::Unavailable),
        ([stale(), cut()], ErrorKind::InvalidResponse),
        ([cut(), stale()], ErrorKind::Unavailable),
        ([cut(), cut()], ErrorKind::InvalidResponse),
    ];
    for (failures, kind) in both {
        let (client, transport) = client(config(&["http://10.0.0.1"]), failures);

        let error = ask(&client, &within(NEVER), Request::get("/"))
            .await
            .unwrap_err();

        assert_eq!((error.kind(), transport.asked.borrow().len()), (kind, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn what_must_not_be_done_twice_is_not_repeated() {
    let (client, transport) = client(
        config(&["http://10.0.0.1"]),
        [(MS, Err(TransportError::StaleConnection))],
    );

    let error = ask(&client, &within(NEVER), Request::new(Method::POST, "/"))
        .await
        .unwrap_err();

    assert_eq!(
        (error.maybe_processed(), transport.asked.borrow().len()),
        (true, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn only_the_end_of_a_connection_has_that_repeat() {
    for failure in [
        TransportError::Connect(String::new()),
        TransportError::ConnectTimeout,
        TransportError::Disconnected(String::new()),
        TransportError::Invalid(String::new()),
    ] {
        let (client, transport) = client(config(&["http://10.0.0.1"]), [(MS, Err(failure))]);
        ask(&client, &within(NEVER), Request::get("/"))
            .await
            .unwrap_err();
        assert_eq!(transport.asked.borrow().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_of_which_nothing_is_known_is_asked_once_to_find_out() {
    let endpoints = ["http://10.0.0.1", "http://10.0.0.2"];
    let (client, transport) = client(config(&endpoints), (0..2).map(|_| (MS, ok())));

    for _ in 0..2 {
        ask(&client, &within(NEVER), Request::get("/"))
            .await
            .unwrap();
    }

    let mut asked: Vec<_> = transport
        .asked
        .borrow()
        .iter()
        .map(|asked| asked.endpoint.clone())
        .collect();
    asked.sort_unstable();
    assert_eq!(asked, ["10.0.0.1", "10.0.0.2"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_over_the_limit_is_refused_at_once_and_a_cancelled_one_gives_its_place_back() {
    let start = Instant::now();
    let config = Config {
        max_in_flight: 1,
        ..config(&["http://10.0.0.1"])
    };
    let (client, _) = client(config, [(NEVER, ok()), (MS, ok())]);
    let patient = within(NEVER);

    let mut first = Box::pin(ask(&client, &patient, Request::get("/")));
    assert!(futures_util::poll!(&mut first).is_pending());
    let refused = ask(&client, &patient, Request::get("/")).await.unwrap_err();
    assert_eq!(
        (refused.kind(), start.elapsed()),
        (ErrorKind::Overloaded, Duration::ZERO)
    );

    drop(first);
    assert_eq!(ask(&client, &patient, Request::get("/")).await, Ok(1));
}
