//! The made-up records. Each comes from the seed and its own id alone, so nothing is built at the
//! start and nothing is kept.

mod words;

use std::{borrow::Cow, collections::HashSet, fmt};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use self::words::{
    CURRENCIES, FIRST_NAMES, LAST_NAMES, OCCASIONS, PLACES, PRODUCTS, STREETS, TIERS,
};
use crate::{Options, dice::Dice};

/// The customer of order 1, who is there whatever the options say.
pub const FIRST_ORDERS_CUSTOMER: u64 = 56;

/// What an order's `status` can be.
pub const STATUSES: [&str; 5] = [PLACED, PAID, SHIPPED, DELIVERED, CANCELLED];

pub(crate) const PLACED: &str = "placed";
pub(crate) const PAID: &str = "paid";
pub(crate) const SHIPPED: &str = "shipped";
pub(crate) const DELIVERED: &str = "delivered";
pub(crate) const CANCELLED: &str = "cancelled";

// Any two numbers that differ: customer 7 shall not be drawn as order 7 is.
const ORDER: u64 = 1;
const CUSTOMER: u64 = 2;

/// An amount of money, written as a JSON number with as many decimals as it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cents(pub u64);

impl Serialize for Cents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(100) {
            serializer.serialize_u64(self.0 / 100)
        } else {
            // The nearest f64 prints as the two decimals it was made of.
            serializer.serialize_f64(self.0 as f64 / 100.0)
        }
    }
}

/// As in `12.34`.
impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// An order as the order service sends it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// 1 or more.
    pub id: u64,
    /// For people to read.
    pub description: Cow<'static, str>,
    /// Always a customer who exists.
    pub customer_id: u64,
    /// At least one.
    pub lines: Vec<Line>,
    /// The sum of price × quantity.
    pub total: Cents,
    /// One of [`STATUSES`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// RFC 3339; of two made-up orders the one with the higher id is the later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placed_at: Option<Timestamp>,
    /// ISO 4217.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Cow<'static, str>>,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What was ordered.
    pub description: Cow<'static, str>,
    /// Of one piece.
    pub price: Cents,
    /// One piece if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u64>,
}

/// A customer as the customer service sends it.
#[derive(Clone, Debug, Serialize)]
pub struct Customer {
    /// 1 or more.
    pub id: u64,
    /// Full name.
    pub name: Cow<'static, str>,
    /// E-mail address.
    pub email: Cow<'static, str>,
    /// International, without spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Where the customer lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// `standard`, `silver` or `gold`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<&'static str>,
}

/// A customer's address.
#[derive(Clone, Debug, Serialize)]
pub struct Address {
    /// With the house number.
    pub street: String,
    /// As the country writes it.
    pub postcode: &'static str,
    /// Name of the city.
    pub city: &'static str,
    /// ISO 3166 alpha-2.
    pub country: &'static str,
}

/// Which orders of all to list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filter<'a> {
    /// Those of this customer.
    pub(crate) customer_id: Option<u64>,
    /// Those with this status.
    pub(crate) status: Option<&'a str>,
    /// Those older than the order with this id.
    pub(crate) before: Option<u64>,
}

impl Filter<'_> {
    /// Whether an order of this customer with this status is among them, its age aside.
    pub(crate) fn takes(&self, customer_id: u64, status: Option<&str>) -> bool {
        self.customer_id.is_none_or(|wanted| wanted == customer_id)
            && self.status.is_none_or(|wanted| Some(wanted) == status)
    }
}

/// Every record of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixtures {
    seed: u64,
    orders: u64,
    customers: u64,
}

impl Fixtures {
    /// The records a service with these options has.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            seed: options.seed,
            orders: options.orders,
            customers: options.customers,
        }
    }

    /// The order with this id.
    #[must_use]
    pub fn order(&self, id: u64) -> Option<Order> {
        if !(1..=self.orders).contains(&id) {
            return None;
        }
        if id == 1 {
            return Some(first_order());
        }
        let OrderHead {
            customer_id,
            status,
            mut dice,
        } = self.order_head(id);
        let lines: Vec<Line> = (0..=dice.below(5)).map(|_| line(&mut dice)).collect();
        let total = lines
            .iter()
            .map(|line| line.price.0 * line.quantity.unwrap_or(1))
            .sum();
        Some(Order {
            id,
            description: if dice.chance(50) {
                Cow::Borrowed(dice.pick(&OCCASIONS))
            } else {
                Cow::Owned(format!("{} no. {id}", dice.pick(&OCCASIONS)))
            },
            customer_id,
            lines,
            total: Cents(total),
            status,
            placed_at: dice.chance(90).then(|| placed_at(id, &mut dice)).flatten(),
            currency: dice
                .chance(80)
                .then(|| Cow::Borrowed(dice.pick(&CURRENCIES))),
        })
    }

    /// The customer with this id.
    #[must_use]
    pub fn customer(&self, id: u64) -> Option<Customer> {
        if id == FIRST_ORDERS_CUSTOMER {
            return Some(john_doe());
        }
        if !(1..=self.customers).contains(&id) {
            return None;
        }
        let mut dice = Dice::of_record(self.seed, CUSTOMER, id);
        let (first_name, mailbox) = dice.pick(&FIRST_NAMES);
        let last_name = dice.pick(&LAST_NAMES);
        let place = dice.pick(&PLACES);
        Some(Customer {
            id,
            name: Cow::Owned(format!("{first_name} {last_name}")),
            email: Cow::Owned(format!("{mailbox}{id}@example.com")),
            phone: dice.chance(70).then(|| {
                format!(
                    "{}{}",
                    place.dialling_code,
                    200_000_000 + dice.below(700_000_000)
                )
            }),
            address: dice.chance(80).then(|| Address {
                street: format!("{} {}", dice.pick(&STREETS), 1 + dice.below(200)),
                postcode: place.postcode,
                city: place.city,
                country: place.country,
            }),
            tier: dice.chance(75).then(|| dice.pick(&TIERS)),
        })
    }

    /// The highest id of an order, and their number.
    pub(crate) fn last_order(&self) -> u64 {
        self.orders
    }

    /// The ids of the orders that the filter takes, the newest first, when those in `cancelled` are.
    pub(crate) fn order_ids(
        &self,
        filter: Filter<'_>,
        cancelled: &HashSet<u64>,
    ) -> impl Iterator<Item = u64> {
        let newest = filter
            .before
            .map_or(self.orders, |id| self.orders.min(id.saturating_sub(1)));
        (1..=newest)
            .rev()
            .filter(move |&id| self.is_wanted(id, filter, cancelled))
    }

    fn is_wanted(&self, id: u64, filter: Filter<'_>, cancelled: &HashSet<u64>) -> bool {
        if filter.customer_id.is_none() && filter.status.is_none() {
            return true;
        }
        let head = self.order_head(id);
        let status = if cancelled.contains(&id) {
            Some(CANCELLED)
        } else {
            head.status
        };
        filter.takes(head.customer_id, status)
    }

    /// What orders are filtered by, drawn before the rest so that a scan over all of them is cheap.
    fn order_head(&self, id: u64) -> OrderHead {
        let mut dice = Dice::of_record(self.seed, ORDER, id);
        if id == 1 {
            return OrderHead {
                customer_id: FIRST_ORDERS_CUSTOMER,
                status: None,
                dice,
            };
        }
        OrderHead {
            customer_id: match self.customers {
                0 => FIRST_ORDERS_CUSTOMER,
                customers => 1 + dice.below(customers),
            },
            status: dice.chance(85).then(|| dice.pick(&STATUSES)),
            dice,
        }
    }
}

struct OrderHead {
    customer_id: u64,
    status: Option<&'static str>,
    dice: Dice,
}

fn first_order() -> Order {
    Order {
        id: 1,
        description: Cow::Borrowed("This is the order's description"),
        customer_id: FIRST_ORDERS_CUSTOMER,
        lines: vec![
            Line {
                description: Cow::Borrowed("item 1"),
                price: Cents(350),
                quantity: None,
            },
            Line {
                description: Cow::Borrowed("item 2"),
                price: Cents(200),
                quantity: None,
            },
        ],
        total: Cents(550),
        status: None,
        placed_at: None,
        currency: None,
    }
}

fn john_doe() -> Customer {
    Customer {
        id: FIRST_ORDERS_CUSTOMER,
        name: Cow::Borrowed("John Doe"),
        email: Cow::Borrowed("john@protonmail.com"),
        phone: None,
        address: None,
        tier: None,
    }
}

fn line(dice: &mut Dice) -> Line {
    let price = 1 + dice.below(20_000);
    Line {
        description: Cow::Borrowed(dice.pick(&PRODUCTS)),
        // Some prices end in .00 or .50, as in a shop, so that numbers without or with one decimal occur.
        price: Cents(if dice.chance(40) {
            price.next_multiple_of(50)
        } else {
            price
        }),
        quantity: dice.chance(60).then(|| 1 + dice.below(9)),
    }
}

/// Orders follow each other ten minutes apart, give or take, from the start of 2024.
fn placed_at(id: u64, dice: &mut Dice) -> Option<Timestamp> {
    const START: u64 = 1_704_067_200;
    let second = START
        .saturating_add(id.saturating_mul(600))
        .saturating_add(dice.below(600));
    Timestamp::from_second(i64::try_from(second).ok()?).ok()
}
