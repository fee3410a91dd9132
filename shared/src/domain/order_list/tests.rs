//! Lists and overviews over scripted services, in paused time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::LocalSet;

use super::*;
use crate::compose::{Omit, OrDefault, Reason, SourceState};
use crate::domain::customer::CustomerClient;
use crate::domain::customer_overview::OverviewLadders;
use crate::domain::order::OrderClient;
use crate::upstream::transport::scripted::{Outcome, Scripted, says};
use crate::upstream::{Client, Cluster, Config, Deadline, ErrorKind, Instant, Target};

const MS: Duration = Duration::from_millis(1);

fn client(name: &str, script: impl Fn(&str) -> Outcome + 'static) -> (Client, Rc<Scripted>) {
    let transport = Rc::new(Scripted::by(move |asked| (10 * MS, script(&asked.target))));
    let mut config = Config::new(vec![Target::parse("http://10.0.0.1").unwrap()]);
    config.retry.repeats = 0;
    let cluster = Cluster::new(name, config);
    let client = Client::with_transport(cluster, Rc::<Scripted>::clone(&transport));
    (client, transport)
}

/// A desk over both services, and what the customer service is asked for.
fn desk(
    orders: impl Fn(&str) -> Outcome + 'static,
    customers: impl Fn(&str) -> Outcome + 'static,
) -> (OrderDesk, Rc<Scripted>) {
    let (orders, _) = client("orders", orders);
    let (customers, transport) = client("customers", customers);
    let desk = OrderDesk {
        orders: OrderClient::new(orders),
        customers: CustomerClient::new(customers),
    };
    (desk, transport)
}

fn body(text: String) -> Outcome {
    let mut outcome = says(200, &[], "");
    if let Ok(response) = &mut outcome {
        response.body = text.into();
    }
    outcome
}

/// A page with an order of each of these customers.
fn page(customers: &[u64]) -> Outcome {
    let orders = (1..).zip(customers).map(|(id, customer): (u64, _)| {
        format!(r#"{{"id":{id},"description":"d","customerId":{customer},"lines":[]}}"#)
    });
    let orders: Vec<_> = orders.collect();
    body(format!(
        r#"{{"items":[{}],"nextCursor":"next"}}"#,
        orders.join(",")
    ))
}

fn person(id: &str) -> String {
    format!(r#"{{"id":{id},"name":"n{id}","email":"e"}}"#)
}

/// All customers asked for, but for number 9, whom nobody knows.
fn people(target: &str) -> Outcome {
    let Some(ids) = target.strip_prefix("/customers?ids=") else {
        return body(person(target.strip_prefix("/customers/").unwrap()));
    };
    let known: Vec<_> = ids.split(',').filter(|id| *id != "9").map(person).collect();
    body(format!(r#"{{"items":[{}]}}"#, known.join(",")))
}

fn paused(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(LocalSet::new().run_until(test));
}

fn context() -> Context {
    Context::new(Deadline::after(Instant::now(), Duration::from_secs(2)))
}

async fn list(desk: &OrderDesk) -> Result<OrderList<Option<Arc<Customer>>>, ListError> {
    OrderList::compose(&context(), desk, &OrderQuery::default(), &Omit).await
}

#[test]
fn each_customer_is_asked_for_once_and_all_in_one_call() {
    paused(async {
        let (desk, customers) = desk(|_| page(&[8, 7, 8, 8, 7]), people);
        let start = Instant::now();
        let list = list(&desk).await.unwrap();
        assert_eq!(start.elapsed(), 20 * MS, "one after the other");
        assert_eq!(customers.asked.borrow()[0].target, "/customers?ids=7,8");
        assert_eq!(customers.attempts(), 1);
        let named = list.items().map(|(order, customer)| {
            let customer = customer.value.as_ref().unwrap();
            assert_eq!(customer.id, order.customer_id);
            order.id.get()
        });
        assert_eq!(named.collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(list.next_cursor(), Some("next"));
        let names: Vec<_> = list.sources().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["orders", "customers"]);
        let all = list.customers().unwrap();
        assert_eq!(all.source.state, SourceState::Fresh);
    });
}

#[test]
fn one_customer_who_is_missing_costs_their_orders_alone() {
    paused(async {
        let (desk, _) = desk(|_| page(&[7, 9]), people);
        let ladder = OrDefault {
            present: |customer: &Customer| customer.name.clone(),
            missing: |id: &CustomerId| format!("customer {id}"),
        };
        let query = OrderQuery::default();
        let list = OrderList::compose(&context(), &desk, &query, &ladder)
            .await
            .unwrap();
        let shown: Vec<_> = list.items().map(|(_, part)| &*part.value).collect();
        assert_eq!(shown, ["n7", "customer 9"]);
        let all = list.customers().unwrap().source;
        let expected = (SourceState::Default, Some(Reason::NotFound));
        assert_eq!((all.state, all.reason), expected);
    });
}

#[test]
fn without_customers_there_are_the_orders() {
    paused(async {
        let (desk, _) = desk(|_| page(&[7, 8]), |_| says(503, &[], ""));
        let list = list(&desk).await.unwrap();
        assert_eq!(list.items().count(), 2);
        assert!(list.items().all(|(_, customer)| customer.value.is_none()));
        let all = list.customers().unwrap();
        assert_eq!(all.source.reason, Some(Reason::Unavailable));
        assert_eq!(list.orders().source.state, SourceState::Fresh);
    });
}

#[test]
fn where_there_is_nobody_nobody_is_asked_for() {
    paused(async {
        let (desk, customers) = desk(|_| page(&[]), people);
        let list = list(&desk).await.unwrap();
        assert_eq!((list.items().count(), customers.attempts()), (0, 0));
        assert!(list.customers().is_none());
        assert_eq!(list.sources().len(), 1);
    });
}

#[test]
fn without_the_orders_there_is_no_list() {
    paused(async {
        let (desk, customers) = desk(|_| says(400, &[], ""), people);
        let query = OrderQuery {
            cursor: Some("c".to_owned()),
            ..OrderQuery::default()
        };
        let outcome = OrderList::compose(&context(), &desk, &query, &Omit).await;
        assert_eq!(outcome.unwrap_err(), ListError::UnknownCursor);
        let Err(ListError::Upstream(error)) = list(&desk).await else {
            panic!("the order service has no answer");
        };
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        assert_eq!(customers.attempts(), 0);
    });
}

const OVERVIEW: OverviewLadders<Omit, Omit> = OverviewLadders {
    customer: Omit,
    orders: Omit,
};

#[test]
fn an_overview_asks_for_person_and_orders_at_once() {
    paused(async {
        let targets = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&targets);
        let orders = move |target: &str| {
            seen.borrow_mut().push(target.to_owned());
            page(&[7])
        };
        let (desk, _) = desk(orders, people);
        let (start, id) = (Instant::now(), CustomerId::new(7).unwrap());
        let overview = OVERVIEW.overview(&context(), &desk, id).await.unwrap();
        assert_eq!(start.elapsed(), 10 * MS);
        assert_eq!(*targets.borrow(), ["/orders?customerId=7&limit=100"]);
        assert_eq!(overview.customer.value.unwrap().id, id);
        let orders = overview.orders.value.unwrap();
        assert_eq!(orders.page().unwrap().items.len(), 1);
    });
}

#[test]
fn an_overview_is_there_without_one_of_both_but_for_somebody_nobody_knows() {
    let down = || says(503, &[], "");
    let missing = || says(404, &[], "");
    // What each service says, and whom the failure is put down to.
    let cases = [
        (page(&[7]), body(person("7")), Ok(())),
        (page(&[7]), down(), Ok(())),
        (down(), body(person("7")), Ok(())),
        (down(), down(), Err(("orders", ErrorKind::Unavailable))),
        (
            page(&[7]),
            missing(),
            Err(("customer", ErrorKind::NotFound)),
        ),
        (down(), missing(), Err(("customer", ErrorKind::NotFound))),
        // Another customer's order is no answer.
        (
            page(&[8]),
            down(),
            Err(("orders", ErrorKind::InvalidResponse)),
        ),
    ];
    for (orders, customer, expected) in cases {
        paused(async {
            let (desk, _) = desk(move |_| orders.clone(), move |_| customer.clone());
            let id = CustomerId::new(7).unwrap();
            let outcome = OVERVIEW.overview(&context(), &desk, id).await;
            let outcome = outcome.map(drop);
            let outcome = outcome.map_err(|error| (error.source, error.error.kind()));
            assert_eq!(outcome, expected);
        });
    }
}
