//! The rules. Each says what is wrong with a source, with the line.

use crate::source::{CodePath, Line, Source, Token, names, words};

/// Outside the domain nothing is called an order or a customer. In comments "order" is what every sequence has, so
/// there it is the thing only where it is one: "an order", "order's".
pub(crate) fn domain_words(source: &Source) -> Vec<String> {
    let faults = (1..).zip(&source.lines).filter_map(|(number, line)| {
        let name = domain_word(line)?;
        Some(source.fault(number, format!("`{name}` is a word of the domain")))
    });
    faults.collect()
}

const THINGS: [&str; 4] = ["order", "orders", "customer", "customers"];

fn domain_word(line: &Line) -> Option<&str> {
    let is_thing = |name: &&str| words(name).iter().any(|word| THINGS.contains(&&**word));
    let is_sequence =
        |name: &&str| name.eq_ignore_ascii_case("order") && !speaks_of_an_order(&line.comment);
    let in_code = names(&line.code).chain(names(&line.literal)).find(is_thing);
    in_code.or_else(|| names(&line.comment).find(|name| is_thing(name) && !is_sequence(name)))
}

fn speaks_of_an_order(comment: &str) -> bool {
    let comment = comment.to_lowercase();
    comment.contains("order's")
        || comment.contains("order id")
        || format!(" {comment}").contains(" an order")
}

/// The crate `name` is used nowhere but in these places.
pub(crate) fn only_in(source: &Source, name: &str, home: &[&str]) -> Vec<String> {
    if source.is_in(home) {
        return Vec::new();
    }
    paths(source, |path| path.names[0] == name)
}

fn paths(source: &Source, is_wrong: impl Fn(&CodePath) -> bool) -> Vec<String> {
    let wrong = source.paths().into_iter().filter(is_wrong);
    wrong
        .map(|path| source.fault(path.line, format!("uses `{}`", path.names.join("::"))))
        .collect()
}

/// None of the names in code is like this.
pub(crate) fn no_name(source: &Source, is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let wrong = source.tokens.iter().filter(|token| is_wrong(&token.text));
    wrong
        .map(|Token { line, text }| source.fault(*line, format!("names `{text}`")))
        .collect()
}

/// The modules at the root of the crate, and which of them each may use beside itself.
const ROOMS: [(&str, &[&str]); 5] = [
    ("config", &[]),
    ("upstream", &["config"]),
    ("compose", &["upstream"]),
    ("domain", &["upstream", "compose"]),
    ("serve", &["config", "upstream", "compose"]),
];

/// The one file that may use a room more than its own: services are wired by what is set for them.
const WIRED_BY_SETTINGS: [&str; 2] = ["domain", "services"];

/// No module of the crate uses one that its own must not know.
pub(crate) fn rooms(source: &Source) -> Vec<String> {
    let module = source
        .path
        .strip_prefix("shared/src/")
        .and_then(|path| path.strip_suffix(".rs"));
    let Some(module) = module else {
        return Vec::new();
    };
    let module: Vec<&str> = module.split('/').collect();
    let Some((own, allowed)) = ROOMS.iter().find(|(room, _)| *room == module[0]) else {
        return Vec::new();
    };
    paths(source, |path| {
        let supers = path
            .names
            .iter()
            .take_while(|name| *name == "super")
            .count();
        let room = match path.names[0].as_str() {
            "crate" | "bff_shared" => path.names.get(1),
            "super" if supers >= module.len() => path.names.get(supers),
            _ => None,
        };
        let is_room = |room: &&String| ROOMS.iter().any(|(name, _)| name == room);
        room.filter(is_room)
            .filter(|room| !(module == WIRED_BY_SETTINGS && *room == "config"))
            .is_some_and(|room| room != own && !allowed.contains(&room.as_str()))
    })
}

/// A service's client knows no other service's client.
pub(crate) fn no_other_client(source: &Source) -> Vec<String> {
    let is_own = |name: &str| {
        source
            .tokens
            .windows(2)
            .any(|pair| pair[0].text == "struct" && pair[1].text == name)
    };
    no_name(source, |name| {
        name.ends_with("Client") && name != "Client" && !is_own(name)
    })
}

/// A view is made of models and nothing else: it neither waits nor asks nor answers.
pub(crate) fn pure_view(source: &Source) -> Vec<String> {
    let asks = |name: &str| name.ends_with("Client") || name.ends_with("Desk");
    no_name(source, |name| {
        matches!(name, "async" | "await" | "awc" | "upstream" | "serve")
            || name.starts_with("actix")
            || asks(name)
    })
}

/// Nothing of these is derived.
pub(crate) fn no_derive(source: &Source, traits: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut in_derive = false;
    for Token { line, text } in &source.tokens {
        match text.as_str() {
            "derive" => in_derive = true,
            // A derive is the whole of its attribute, or stands last in it.
            "]" => in_derive = false,
            name if in_derive && traits.contains(&name) => {
                faults.push(source.fault(*line, format!("derives `{name}`")));
            }
            _ => {}
        }
    }
    faults
}

/// No lint is switched off: `#[expect]` says the same and is found out once it is not needed.
pub(crate) fn no_lint_off(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    let mut in_attribute = false;
    for pair in source.tokens.windows(2) {
        let [Token { line, text }, next] = pair else {
            continue;
        };
        match (text.as_str(), next.text.as_str()) {
            ("#", "[" | "!") => in_attribute = true,
            ("]", _) => in_attribute = false,
            ("allow", "(") if in_attribute => {
                faults.push(source.fault(*line, "switches a lint off"));
            }
            _ => {}
        }
    }
    faults
}

pub(crate) fn at_most(source: &Source, most: usize) -> Vec<String> {
    let lines = source
        .lines
        .iter()
        .rposition(|line| *line != Line::default())
        .map_or(0, |last| last + 1);
    if lines > most {
        vec![source.fault(lines, format!("has more than {most} lines"))]
    } else {
        Vec::new()
    }
}
