//! Whether an answer is what was asked for, and how good it is.

use serde::Deserialize;
use serde_json::Value;

use super::http::Answer;
use crate::service::{Customer, Order, customer_of};

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// 200 with every part of it, fresh or cached.
    Complete,
    /// 200 with a part that is stale or missing, and which says so.
    Degraded,
    /// Turned away: 429, or 503 as overloaded or with the word when to come again.
    Refused,
    /// Any other status.
    Failed,
    /// The answer to another request.
    Foreign,
    /// A 200 whose body is not whole.
    Torn,
    /// No whole answer at all.
    Broken,
}

/// Who answers, and so what the answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// bff-web.
    Web,
    /// The order service itself.
    Orders,
    /// The customer service itself.
    Customers,
}

#[derive(Deserialize)]
struct View {
    id: u64,
    description: String,
    lines: Vec<crate::service::Line>,
    customer: Option<CustomerView>,
    sources: Sources,
}

#[derive(Deserialize)]
struct CustomerView {
    id: u64,
    name: String,
    email: String,
}

/// How good the parts are.
#[derive(Debug, Deserialize)]
pub(crate) struct Sources {
    pub(crate) order: Source,
    pub(crate) customer: Source,
}

/// How good a part is.
#[derive(Debug, Deserialize)]
pub(crate) struct Source {
    pub(crate) state: String,
    reason: Option<String>,
}

impl Source {
    fn is_current(&self) -> bool {
        matches!(self.state.as_str(), "fresh" | "cached")
    }

    fn text(&self) -> String {
        match &self.reason {
            None => self.state.clone(),
            Some(reason) => format!("{} ({reason})", self.state),
        }
    }
}

impl Sources {
    pub(crate) fn text(&self) -> String {
        format!(
            "order {}, customer {}",
            self.order.text(),
            self.customer.text()
        )
    }
}

impl Check {
    pub(super) fn path(self, id: u64) -> String {
        match self {
            Self::Web | Self::Orders => format!("/orders/{id}"),
            Self::Customers => format!("/customers/{id}"),
        }
    }

    /// The verdict, and a word on it.
    pub(crate) fn judge(self, id: u64, request_id: &str, answer: &Answer) -> (Verdict, String) {
        if self != Self::Web {
            return match answer.status {
                200 => (Verdict::Complete, String::new()),
                status => (Verdict::Failed, status.to_string()),
            };
        }
        if answer.header("x-request-id") != Some(request_id) {
            return (Verdict::Foreign, "the request id of another".to_owned());
        }
        if answer.status != 200 {
            return not_ok(answer);
        }
        match sources(id, answer) {
            Err(wrong) => wrong,
            Ok(sources) if sources.order.is_current() && sources.customer.is_current() => {
                (Verdict::Complete, String::new())
            }
            Ok(sources) => (Verdict::Degraded, format!("200 with {}", sources.text())),
        }
    }
}

fn not_ok(answer: &Answer) -> (Verdict, String) {
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = problem["code"].as_str().unwrap_or("no code");
    let is_refusal = match answer.status {
        429 => true,
        503 => code.to_lowercase().contains("overload") || answer.header("retry-after").is_some(),
        _ => false,
    };
    let verdict = if is_refusal {
        Verdict::Refused
    } else {
        Verdict::Failed
    };
    (verdict, format!("{} {code}", answer.status))
}

/// What an answer of bff-web says of its parts, once it is known to be the right one.
pub(crate) fn sources(id: u64, answer: &Answer) -> Result<Sources, (Verdict, String)> {
    let view: View = serde_json::from_slice(&answer.body)
        .map_err(|error| (Verdict::Torn, format!("a body that is not whole: {error}")))?;
    let order = Order::of(id);
    let is_right = view.id == id
        && view.description == order.description
        && view.lines == order.lines
        && view.customer.is_none_or(|shown| {
            let customer = Customer::of(customer_of(id));
            shown.id == customer_of(id)
                && shown.name == customer.name
                && shown.email == customer.email
        });
    if !is_right {
        return Err((Verdict::Foreign, "the answer to another request".to_owned()));
    }
    Ok(view.sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: String) -> Answer {
        Answer {
            status,
            head: "X-Request-Id: r\r\nContent-Length: 1".to_owned(),
            body: body.into_bytes(),
            closes: false,
        }
    }

    fn view(id: u64, customer: u64, state: &str) -> String {
        let mut view = serde_json::to_value(Order::of(id)).unwrap();
        view["customer"] = serde_json::to_value(Customer::of(customer)).unwrap();
        view["sources"] =
            serde_json::json!({"order": {"state": "fresh"}, "customer": {"state": state}});
        view.to_string()
    }

    fn judge(answer: &Answer) -> Verdict {
        Check::Web.judge(7, "r", answer).0
    }

    #[test]
    fn an_answer_is_complete_only_for_who_asked() {
        let right = view(7, customer_of(7), "cached");
        assert_eq!(judge(&answer(200, right.clone())), Verdict::Complete);
        assert_eq!(
            Check::Web.judge(7, "s", &answer(200, right.clone())).0,
            Verdict::Foreign
        );
        for (body, verdict) in [
            (view(8, customer_of(8), "fresh"), Verdict::Foreign),
            (view(7, customer_of(8), "fresh"), Verdict::Foreign),
            (right[..right.len() / 2].to_owned(), Verdict::Torn),
        ] {
            assert_eq!(judge(&answer(200, body.clone())), verdict, "{body}");
        }
    }

    #[test]
    fn what_is_degraded_refused_or_failed_is_told_apart() {
        let stale = view(7, customer_of(7), "stale");
        assert_eq!(judge(&answer(200, stale)), Verdict::Degraded);
        for (status, code, verdict) in [
            (503, "upstreamOverloaded", Verdict::Refused),
            (503, "upstreamUnavailable", Verdict::Failed),
            (504, "upstreamTimeout", Verdict::Failed),
        ] {
            let body = serde_json::json!({ "code": code }).to_string();
            assert_eq!(judge(&answer(status, body)), verdict, "{code}");
        }
    }
}
