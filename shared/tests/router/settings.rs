//! Routes as they are written in settings, and what is said of those that cannot be.

use std::time::Duration;

use bff_shared::config::{Section, Settings, describe, example};
use bff_shared::serve::{Config, RouteConfig, Surroundings};
use utoipa::openapi::path::{HttpMethod, Operation, PathItem};
use utoipa::openapi::{OpenApi, OpenApiBuilder, PathsBuilder};

fn document() -> OpenApi {
    let item = PathItem::new(HttpMethod::Get, Operation::new());
    let paths = PathsBuilder::new().path("/web/things/{id}", item);
    OpenApiBuilder::new().paths(paths).build()
}

fn read(section: &mut Section<'_>) -> Config {
    let surroundings = Surroundings {
        upstreams: &["things", "people"],
        document,
    };
    Config::read(section, &Config::new(1, 2), surroundings)
}

fn of_file(text: &str) -> Config {
    let settings = Settings::new().with_file("bff.toml", text);
    settings
        .read(read)
        .unwrap_or_else(|faults| panic!("{faults}"))
}

/// What is said of each fault, without what is allowed in its place.
fn faults(settings: Settings) -> Vec<String> {
    let faults = settings.read(read).expect_err("something is wrong");
    let said = faults.iter().map(ToString::to_string);
    said.map(|said| said.split("; allowed: ").next().unwrap().to_owned())
        .collect()
}

#[test]
fn by_default_there_is_no_route_and_nobody_is_trusted() {
    let config = of_file("");
    assert_eq!(config, Config::new(1, 2));
    assert!(config.routes.is_empty() && config.trusted_proxies.is_empty());
}

#[test]
fn a_route_needs_a_prefix_and_an_upstream_and_no_more() {
    let config =
        of_file("[routes.all_things]\nprefix = \"/services/things/\"\nupstream = \"things\"\n");
    let route = RouteConfig::new("all_things", "/services/things/", "things");
    assert_eq!(config.routes, [route]);
}

#[test]
fn everything_can_be_set() {
    let config = of_file(
        r#"
        via = "web.example"
        trusted_proxies = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"]
        [routes.b]
        prefix = "/b/"
        upstream = "people"
        methods = ["POST", "OPTIONS"]
        strip_prefix = false
        target_prefix = "/people/"
        request_headers = ["Authorization", "x-own"]
        max_request_bytes = 4294967295
        timeout = "3s"
        idle_timeout = "2h"
        websocket = true
        [routes.a]
        prefix = "/a/"
        upstream = "things"
        request_headers = []
        "#,
    );
    assert_eq!(config.via, "web.example");
    let trusted: Vec<String> = config
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        trusted,
        ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128"]
    );
    let b = RouteConfig {
        methods: vec!["POST".parse().unwrap(), "OPTIONS".parse().unwrap()],
        strip_prefix: false,
        target_prefix: "/people/".to_owned(),
        request_headers: vec!["authorization".parse().unwrap(), "x-own".parse().unwrap()],
        max_request_bytes: u32::MAX,
        timeout: Duration::from_secs(3),
        idle_timeout: Duration::from_secs(7200),
        websocket: true,
        ..RouteConfig::new("b", "/b/", "people")
    };
    assert_eq!(config.routes, [RouteConfig::new("a", "/a/", "things"), b]);
}

#[test]
fn the_environment_changes_routes_and_makes_new_ones() {
    let file = "[routes.a]\nprefix = \"/a/\"\nupstream = \"things\"\n";
    let settings = Settings::new().with_file("bff.toml", file).with_env([
        ("BFF__ROUTES__A__METHODS", "GET,POST"),
        ("BFF__ROUTES__NEW_ONE__PREFIX", "/new/"),
        ("BFF__ROUTES__NEW_ONE__UPSTREAM", "people"),
        ("BFF__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
    ]);
    let config = settings
        .read(read)
        .unwrap_or_else(|faults| panic!("{faults}"));
    let a = RouteConfig {
        methods: vec!["GET".parse().unwrap(), "POST".parse().unwrap()],
        ..RouteConfig::new("a", "/a/", "things")
    };
    let new_one = RouteConfig::new("new_one", "/new/", "people");
    assert_eq!(config.routes, [a, new_one]);
    assert_eq!(config.trusted_proxies.len(), 2);
}

#[test]
fn every_fault_is_found_at_once_by_its_key() {
    let file = r#"via = "a b"
trusted_proxies = ["10.0.0.0/33", "proxy.example"]
[routes.a]
prefix = "services"
upstream = "nothing"
methods = ["get", "TRACE"]
request_headers = ["host", "X-Forwarded-For", "a b", "cookie"]
timeout = "0s"
max_request_bytes = -1
websocket = "yes"
targetprefix = "/x/"
[routes.b]
methods = ["GET"]
[routes.B]
prefix = "/x/"
upstream = "things"
"#;
    let settings = Settings::new().with_file("bff.toml", file).with_env([
        ("BFF__ROUTES__C__PREFIX", "/c/"),
        ("BFF__ROUTES__A__TARGET_PREFIX", "/a//"),
        ("BFF__ROUTES", "x"),
    ]);
    let expected = [
        "bff.toml:1:7: via = \"a b\": a name of letters, digits, hyphens, dots and underscores",
        "bff.toml:2:20: trusted_proxies = \"10.0.0.0/33\": a network such as \"10.0.0.0/8\" or an IP address",
        "bff.toml:2:35: trusted_proxies = \"proxy.example\": a network such as \"10.0.0.0/8\" or an IP address",
        "bff.toml:4:10: routes.a.prefix = \"services\": it does not begin and end with a slash",
        "bff.toml:5:12: routes.a.upstream = \"nothing\": there is no such upstream, but things, people",
        "bff.toml:6:12: routes.a.methods = \"get\": one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        "bff.toml:6:19: routes.a.methods = \"TRACE\": one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        "bff.toml:7:20: routes.a.request_headers = \"host\": it belongs to a single connection, or is set by this server itself",
        "bff.toml:7:28: routes.a.request_headers = \"X-Forwarded-For\": it belongs to a single connection, or is set by this server itself",
        "bff.toml:7:47: routes.a.request_headers = \"a b\": it is no name of a header field",
        "bff.toml:8:11: routes.a.timeout = \"0s\": a duration such as \"800ms\" or \"2s\" from 1ms to 1h",
        "bff.toml:9:21: routes.a.max_request_bytes = -1: a whole number from 0 to 4294967295",
        "bff.toml:10:13: routes.a.websocket = \"yes\": this is a string",
        "bff.toml:11:1: routes.a.targetprefix = \"/x/\": no such setting; did you mean routes.a.target_prefix?",
        "bff.toml:12:9: routes.b.prefix: this has to be set",
        "bff.toml:12:9: routes.b.upstream: this has to be set",
        "bff.toml:14:9: routes.B: a name is of lower-case letters, digits and single underscores",
        "BFF__ROUTES: routes = \"x\": this names a section",
        "BFF__ROUTES__A__TARGET_PREFIX: routes.a.target_prefix = \"/a//\": it has an empty segment in it",
        "BFF__ROUTES__C__PREFIX: routes.c.upstream: this has to be set",
    ];
    let found = faults(settings);
    for expected in expected {
        assert!(
            found.iter().any(|found| found == expected),
            "{expected}\n{found:#?}"
        );
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn prefixes_overlap_neither_each_other_nor_the_servers_own_paths() {
    let route = |name: &str, prefix: &str| {
        format!("[routes.{name}]\nprefix = \"{prefix}\"\nupstream = \"things\"\n")
    };
    let settings = |prefixes: &[(&str, &str)]| {
        let text: String = prefixes
            .iter()
            .map(|(name, prefix)| route(name, prefix))
            .collect();
        Settings::new().with_file("bff.toml", &text)
    };
    for (prefixes, said) in [
        (
            &[("a", "/x/"), ("b", "/x/y/")][..],
            "bff.toml:5:10: routes.b.prefix = \"/x/y/\": overlaps with /x/ of the route a",
        ),
        (
            &[("a", "/x/y/"), ("b", "/x/")],
            "bff.toml:5:10: routes.b.prefix = \"/x/\": overlaps with /x/y/ of the route a",
        ),
        (
            &[("a", "/x/"), ("b", "/x/")],
            "bff.toml:5:10: routes.b.prefix = \"/x/\": overlaps with /x/ of the route a",
        ),
        (
            &[("a", "/web/")],
            "bff.toml:2:10: routes.a.prefix = \"/web/\": overlaps with /web/things/{id}, a path of this server's own",
        ),
        (
            &[("a", "/docs/")],
            "bff.toml:2:10: routes.a.prefix = \"/docs/\": overlaps with /docs/{file:.*}, a path of this server's own",
        ),
        (
            &[("a", "/docs/x/")],
            "bff.toml:2:10: routes.a.prefix = \"/docs/x/\": overlaps with /docs/{file:.*}, a path of this server's own",
        ),
    ] {
        assert_eq!(faults(settings(prefixes)), [said]);
    }
    assert_eq!(faults(settings(&[("a", "/")])).len(), 1);
    for prefixes in [
        &[("a", "/x/"), ("b", "/xy/")][..],
        &[("a", "/web/people/"), ("b", "/services/")],
        &[("a", "/openapi.json/")],
    ] {
        assert!(settings(prefixes).read(read).is_ok(), "{prefixes:?}");
    }
}

#[test]
fn a_prefix_is_a_plain_path() {
    for prefix in [
        "", "/", "x/", "/x", "/x//", "/../", "/x/./", "/%41/", "/a?b/", "/{id}/", "/a b/", "/ä/",
    ] {
        let text = format!("[routes.a]\nprefix = \"{prefix}\"\nupstream = \"things\"\n");
        let found = faults(Settings::new().with_file("bff.toml", &text));
        assert_eq!(found.len(), 1, "{prefix} {found:?}");
    }
}

#[test]
fn the_example_shows_a_route_and_sets_none() {
    let text = example("Head.", &describe(read));
    for line in [
        "# [routes.name]",
        "# prefix = \"/services/name/\"",
        "# upstream = \"things\"",
        "# methods = [\"GET\", \"HEAD\"]",
        "# request_headers = []",
        "# Environment: BFF__ROUTES__NAME__PREFIX",
        "trusted_proxies = []",
        "via = \"bff\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert_eq!(of_file(&text), Config::new(1, 2));
    // With its marks taken away it is a route.
    let route = text.split("# [routes.name]").nth(1).unwrap();
    let keys = route.lines().filter_map(|line| line.strip_prefix("# "));
    let keys: Vec<&str> = keys.filter(|line| line.contains(" = ")).collect();
    let config = of_file(&format!("[routes.name]\n{}", keys.join("\n")));
    let name = RouteConfig::new("name", "/services/name/", "things");
    assert_eq!(config.routes, [name]);
}
