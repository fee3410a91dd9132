use proptest::prelude::*;
use serde_json::json;

use super::*;

#[derive(Debug, Clone)]
struct Given {
    status: Option<Status>,
    currency: Option<&'static str>,
    cents: i64,
}

fn given() -> impl Strategy<Value = Given> {
    let statuses = Status::ALL.into_iter().map(Some).chain([None]);
    (
        prop::sample::select(statuses.collect::<Vec<_>>()),
        prop::sample::select(vec![None, Some("EUR"), Some("USD")]),
        -1_000_000..1_000_000_000_i64,
    )
        .prop_map(|(status, currency, cents)| Given {
            status,
            currency,
            cents,
        })
}

fn money(cents: i64) -> Money {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
        .parse()
        .unwrap()
}

fn order(given: &Given) -> Order {
    let order = json!({
        "id": 1, "description": "", "customerId": 1, "lines": [],
        "status": given.status.map(Status::word), "currency": given.currency,
    });
    Order {
        total: money(given.cents),
        ..serde_json::from_value::<Order>(order).unwrap()
    }
}

fn total(total: &str, currency: &'static str) -> Order {
    Order {
        total: total.parse().unwrap(),
        ..order(&Given {
            status: Some(Status::Paid),
            currency: Some(currency),
            cents: 0,
        })
    }
}

proptest! {
    #[test]
    fn counts_and_sums_add_up(given in prop::collection::vec(given(), 0..40), has_more in any::<bool>()) {
        let orders: Vec<_> = given.iter().map(order).collect();
        let totals = Totals::of(&orders, has_more);
        prop_assert_eq!((totals.counted, totals.has_more), (given.len(), has_more));
        let counts: usize = totals.by_status.iter().map(|status| status.count).sum();
        prop_assert_eq!(counts, given.len());

        let all: Vec<_> = Status::ALL.into_iter().map(Some).chain([None]).collect();
        let place = |of: &StatusTotal| all.iter().position(|status| *status == of.status);
        prop_assert!(totals.by_status.is_sorted_by(|one, next| place(one) < place(next)));
        for of in &totals.by_status {
            let own: Vec<_> = given.iter().filter(|given| given.status == of.status).collect();
            prop_assert!(of.count > 0 && of.count == own.len());
            prop_assert!(of.amounts.is_sorted_by(|one, next| one.0 < next.0));
            for currency in [None, Some("EUR"), Some("USD")] {
                let own: Vec<_> = own.iter().filter(|given| given.currency == currency).collect();
                let sum = money(own.iter().map(|given| given.cents).sum());
                let shown = of.amounts.iter().find(|(of, _)| of.as_deref() == currency);
                let expected = (!own.is_empty()).then_some(sum);
                prop_assert_eq!(shown.map(|(_, sum)| *sum), expected);
            }
        }
    }
}

#[test]
fn a_sum_out_of_range_is_left_out_and_the_others_are_not() {
    let much = "70000000000000000000000000000";
    let orders = [
        total(much, "EUR"),
        total("1", "USD"),
        total(much, "EUR"),
        total("-1", "EUR"),
    ];
    let totals = Totals::of(&orders, false);
    assert_eq!(totals.by_status[0].count, 4);
    let expected = [(Some("USD".to_owned()), "1".parse().unwrap())];
    assert_eq!(totals.by_status[0].amounts, expected);
}

#[test]
fn of_no_orders_there_is_nothing() {
    let totals = Totals::of(&[], false);
    assert!(totals.by_status.is_empty() && totals.counted == 0);
}
