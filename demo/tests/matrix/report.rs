//! What is stated, as a page for users.

use std::fmt::Write as _;

use bff_shared::upstream::Protocol;

use crate::cell::{Body, Cell, Client, Expected, Extent, Kept, Pace, Service};
use crate::table::{Fault, groups};

const INTRODUCTION: &str = "\
# What comes of which fault

What a client of either BFF gets while an instance of a service, or all of them, fail in some way; what is in it, when
it comes, and what it costs the services. Every field of these tables is tested with both BFFs, their default policies,
and two instances of each service (`cargo test -p demo --test matrix`), and this page is written by that test. What
else the BFFs answer, their documents, needs no service. The services speak HTTP in the first two tables, gRPC in the
last two; what both can do comes to the same in both.

In short: **while one of two instances works, nobody notices. When none does, a part is missing or old and says so, or
the answer is an error that says why; it comes at the deadline at the latest, and costs the services no more than three
attempts. When a service fails for longer it is not asked at all. Nothing that was made under a fault is kept.**

What a service says of the request itself is no failure of an instance: nobody else is asked, and nobody is left alone
for it. Over gRPC that is `NOT_FOUND`, which is an answer, and `PERMISSION_DENIED` and its like, which are none that
is of use; over HTTP it is 404, and any 4xx but 408 and 429.

## How to read it

**Fault**: what goes wrong with an instance, between the BFF and it or inside of it. **Service**: whose instances they
are. The order is required; the customer is optional and asked for after the order, which says whose it is.

**One of two**: one instance fails, the other one is well. The faulty one is asked first. Whether the cache holds
anything makes no difference; *as all* stands where the other instance is not asked. **All, nothing kept**: both
instances fail, and the cache holds nothing of what is asked for. **All, kept but stale**: the cache holds an answer
that is no longer fresh, and that may be used when nothing newer can be had (`stale-if-error`).

A field says four things:

1. Status, and what the body holds. *Complete*: the order and its customer, both fresh. *Stale*, *`null`*, *label*: that
   part is old, left out (web), or a label such as \"Customer 56\" in place of the name (mobile); in brackets the reason,
   as `sources` has it. Anything else is a problem (RFC 9457) with this code.
2. When it comes. *At once*: as soon as the attempts have failed or one of them is answered; nobody is waited for, but
   for a random pause before the third attempt, of 25 ms at most. *By a hedge*: when an attempt takes longer than 99 of
   100 do, a second one is begun beside it, at the other instance. *By patience*: after twice that time, since there is
   an old answer at hand. *At the deadline*: 2 s if not set otherwise.
3. Calls to the service that fails, repeats and hedges included. A range where it depends on whether a pooled connection
   turns out to be closed, which costs one more, or on whether there is time left for a third attempt.
4. After the plus, calls to the other service.

**Statuses of gRPC**: `UNAVAILABLE`, `INTERNAL`, `UNKNOWN`, `CANCELLED` and `DATA_LOSS` are what 5xx are of HTTP, and
`RESOURCE_EXHAUSTED` what 429 is. `DEADLINE_EXCEEDED` is the service's own word that it had too little time, a time-out,
and says nothing against the instance if it comes early; a 504 may be anybody's, and is a 5xx. A pushback
(`grpc-retry-pushback-ms`) is what `Retry-After` is of HTTP; one below zero forbids to ask again, and no other instance
is asked then either.

**Where HTTP/2 is another thing**: a head that is broken off within its frame was never there, so that it is nobody's
answer rather than half of one. An answer of HTTP in place of one of gRPC is no answer, whatever its status is.

Headers, everywhere: a complete answer has `Cache-Control: private, max-age=…` and an `ETag`; whatever is degraded, and
every problem, has `no-store` and no `ETag`. `Cache-Status` and `Server-Timing` name each source with its state and, if
it is not as it should be, the reason. `Retry-After` is there where it is stated.

**Left alone**: an instance that failed five times in a row, or half of at least twenty times (429 counts in the latter
only), is not asked for a second, then twice as long each time (the circuit is open). What is answered when both are
left alone stands below each table; it is the same whatever the fault was.

**Afterwards**: when the fault is over, and the circuit has closed by a call that was answered, answers are complete
again: what failed is asked for anew, and then comes out of the cache as the service said it.
";

/// The page.
pub(crate) fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (protocol, speaking) in [(Protocol::Http, "HTTP"), (Protocol::Grpc, "gRPC")] {
        for (client, name) in [(Client::Web, "bff-web"), (Client::Mobile, "bff-mobile")] {
            let heading = format!("`GET /orders/{{id}}` of {name}, services on {speaking}");
            _ = write!(page, "\n## {heading}\n\n");
            table(&mut page, protocol, client);
        }
    }
    page
}

fn table(page: &mut String, protocol: Protocol, client: Client) {
    page.push_str("| fault | service | one of two | all, nothing kept | all, kept but stale |\n");
    page.push_str("| --- | --- | --- | --- | --- |\n");
    for (heading, faults) in groups(protocol) {
        _ = writeln!(page, "| **{heading}** | | | | |");
        for fault in *faults {
            for service in [Service::Order, Service::Customer] {
                row(page, protocol, client, fault, service);
            }
        }
    }
    left_alone(page, protocol, client);
}

fn row(
    page: &mut String,
    protocol: Protocol,
    client: Client,
    fault: &'static Fault,
    service: Service,
) {
    let field = |extent, kept| {
        let cell = Cell {
            protocol,
            client,
            fault,
            service,
            extent,
            kept,
        };
        text(client, &cell.expected())
    };
    let all = [Kept::Nothing, Kept::Stale].map(|kept| field(Extent::All, kept));
    let one = [Kept::Nothing, Kept::Stale].map(|kept| field(Extent::One, kept));
    let one = if one == all && one[0] != one[1] {
        "as all"
    } else {
        assert_eq!(one[0], one[1], "the page has one column for both");
        &one[0]
    };
    let [nothing, stale] = &all;
    let name = match service {
        Service::Order => fault.name,
        // The fault above.
        Service::Customer => "",
    };
    _ = writeln!(
        page,
        "| {name} | {} | {one} | {nothing} | {stale} |",
        service.source(),
    );
}

fn left_alone(page: &mut String, protocol: Protocol, client: Client) {
    page.push_str("\nWhile both instances are left alone:\n\n");
    page.push_str("| service | nothing kept | kept but stale |\n| --- | --- | --- |\n");
    for service in [Service::Order, Service::Customer] {
        let field = |kept| {
            let cell = Cell {
                protocol,
                client,
                // Whichever.
                fault: &groups(protocol)[0].1[0],
                service,
                extent: Extent::All,
                kept,
            };
            text(client, &cell.expected_open())
        };
        _ = writeln!(
            page,
            "| {} | {} | {} |",
            service.source(),
            field(Kept::Nothing),
            field(Kept::Stale),
        );
    }
}

fn text(client: Client, expected: &Expected) -> String {
    let status = expected.status;
    let mut text = match expected.body {
        Body::Complete => format!("{status}, complete"),
        Body::Stale(service, reason) => {
            format!("{status}, {} stale (`{reason}`)", service.source())
        }
        Body::NoCustomer(reason) => match client {
            Client::Web => format!("{status}, customer `null` (`{reason}`)"),
            Client::Mobile => format!("{status}, label (`{reason}`)"),
        },
        Body::Problem(code) => format!("{status} `{code}`"),
    };
    if let Some(after) = expected.retry_after {
        _ = write!(text, ", `Retry-After: {after}`");
    }
    if expected.or_complete {
        text.push_str(", or complete");
    }
    let pace = match expected.pace {
        Pace::AtOnce => "at once",
        Pace::Hedge => "by a hedge",
        Pace::Patience => "by patience",
        Pace::Deadline => "at the deadline",
    };
    let calls = expected.calls.range();
    let calls = if calls.start() == calls.end() {
        calls.start().to_string()
    } else {
        format!("{} to {}", calls.start(), calls.end())
    };
    _ = write!(text, "; {pace}; {calls} + {}", expected.other_calls);
    text
}
