//! Stacks that are asked the same, and have to answer the same.

use std::time::Duration;

use bff_shared::upstream::{Instant, Protocol};
use mock_services::fault::Fault;

use crate::mask::{Passing, masked};
use crate::stack::{Client, Service, Setup, Speaks, Stack};
use crate::wire::{Answer, Ask, exchange};

/// By no more bytes do answers to the same request differ whose ages have other digits: a list of a hundred tells two of
/// each of its orders.
const MOST_DIGITS: u64 = 200;

const SPEAK: [Speaks; 4] = [
    Speaks(Protocol::Http, Protocol::Http),
    Speaks(Protocol::Grpc, Protocol::Grpc),
    Speaks(Protocol::Grpc, Protocol::Http),
    Speaks(Protocol::Http, Protocol::Grpc),
];

/// One stack for each way to mix the protocols.
pub(crate) struct Twins {
    stacks: Vec<Stack>,
    began: Instant,
    /// Whether anything is told or set of how long answers are good.
    keeps: bool,
    /// Who asked for what, and the status of the answer.
    pub(crate) asked: Vec<(Client, String, String, u16)>,
}

impl Twins {
    pub(crate) fn start(setup: &Setup) -> Self {
        let began = Instant::now();
        Self {
            stacks: SPEAK.map(|speaks| Stack::start(speaks, setup)).into(),
            began,
            keeps: setup.cache_control.is_some() || !setup.default_ttl.is_zero(),
            asked: Vec::new(),
        }
    }

    pub(crate) async fn get(&mut self, client: Client, target: &str) -> Answer {
        self.get_with(client, target, &[]).await
    }

    pub(crate) async fn get_with(
        &mut self,
        client: Client,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        self.send(client, "GET", target, headers, "").await
    }

    /// Asks all stacks, and compares their answers and what these cost the services.
    pub(crate) async fn send(
        &mut self,
        client: Client,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let ask = Ask {
            method,
            target,
            headers,
            body,
        };
        let headers: Vec<_> = self.stacks.iter().map(|_| headers.to_vec()).collect();
        self.ask(client, ask, &headers).await.swap_remove(0)
    }

    /// Asks for what is known already, each stack by its own tag of it.
    pub(crate) async fn get_known(&mut self, client: Client, target: &str) {
        let ask = Ask {
            method: "GET",
            target,
            headers: &[],
            body: "",
        };
        let none = vec![Vec::new(); self.stacks.len()];
        let known = self.ask(client, ask, &none).await;
        let tags = known
            .iter()
            .map(|answer| answer.header("etag").expect(target));
        let headers: Vec<_> = tags.map(|tag| vec![("If-None-Match", tag)]).collect();
        let answers = self.ask(client, ask, &headers).await;
        assert_eq!(answers[0].status, 304, "{target}");
    }

    async fn ask(
        &mut self,
        client: Client,
        ask: Ask<'_>,
        headers: &[Vec<(&str, &str)>],
    ) -> Vec<Answer> {
        let id = format!("request-{}", self.asked.len());
        let mut answers = Vec::new();
        let mut costs = Vec::new();
        for (stack, headers) in self.stacks.iter().zip(headers) {
            let before = stack.asked();
            let answer = exchange(stack.addr(client), &id, Ask { headers, ..ask });
            answers.push(answer.await.unwrap());
            let mut cost = stack.asked();
            for (cost, before) in cost.iter_mut().zip(before) {
                *cost -= before;
            }
            costs.push(cost);
        }
        let (expected, passing) = masked(&answers[0], self.keeps);
        let others = answers.iter().zip(&costs).zip(&self.stacks).skip(1);
        for ((answer, cost), stack) in others {
            let (shown, shown_passing) = masked(answer, self.keeps);
            let asked = format!("{client:?}: {ask:?}: {stack}");
            assert!(
                shown == expected,
                "{asked}:\n  {}\nwhere by HTTP\n  {}",
                shown.beside(&expected),
                expected.beside(&shown)
            );
            self.assert_close(&shown_passing, &passing, &asked);
            assert_eq!(*cost, costs[0], "{asked}: calls");
        }
        let (method, target) = (ask.method.to_owned(), ask.target.to_owned());
        self.asked.push((client, method, target, expected.status));
        answers
    }

    /// What is told in seconds differs by the time that has gone by at most, and lengths by the digits of that.
    fn assert_close(&self, shown: &Passing, expected: &Passing, asked: &str) {
        let lengths = shown.length.zip(expected.length);
        assert_eq!(
            lengths.is_some(),
            shown.length.or(expected.length).is_some()
        );
        assert!(
            lengths.is_none_or(|(shown, expected)| shown.abs_diff(expected) <= MOST_DIGITS),
            "{lengths:?} bytes: {asked}"
        );
        let most = (self.began.elapsed() + Duration::from_secs(1)).as_secs();
        assert_eq!(shown.ages.len(), expected.ages.len(), "{asked}");
        for (shown, expected) in shown.ages.iter().zip(&expected.ages) {
            let apart = shown.abs_diff(*expected);
            assert!(
                apart <= most,
                "{shown} s where {expected} s were expected: {asked}"
            );
        }
    }

    /// How many calls the services of each stack got: as many in each.
    pub(crate) fn calls(&self) -> u64 {
        self.stacks[0].asked().iter().sum()
    }

    /// Lets a fault fall on a service of each stack: the first of these by HTTP, the other one by gRPC.
    pub(crate) fn inflict(&self, service: Service, faults: &[Fault; 2]) {
        for stack in &self.stacks {
            stack.inflict(service, faults);
        }
    }

    pub(crate) fn heal(&self) {
        self.stacks.iter().for_each(Stack::heal);
    }
}
