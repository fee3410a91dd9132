//! Who may import whom, read from the sources themselves: the table in ARCHITECTURE.md, held to.

mod doubt;
mod rules;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

const MEMBERS: [&str; 6] = [
    "shared",
    "bff-web",
    "bff-mobile",
    "mock-services",
    "demo",
    "bench",
];

const BFFS: [&str; 2] = ["bff-web", "bff-mobile"];

fn workspace() -> PathBuf {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    member
        .parent()
        .expect("the crate lies in a workspace")
        .to_owned()
}

/// Every source file in these folders.
fn sources(folders: &[&str]) -> Vec<Source> {
    let root = workspace();
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the workspace") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).expect("it lies in the workspace");
                let text = fs::read_to_string(&path).expect("a source can be read");
                found.push(Source::new(&name.to_string_lossy(), &text));
            }
        }
    }
    assert!(!found.is_empty(), "there are sources in {folders:?}");
    found
}

/// Applies a rule to every source in these folders that `which` picks, of which there has to be one at least.
fn hold(folders: &[&str], which: impl Fn(&Source) -> bool, rule: impl Fn(&Source) -> Vec<String>) {
    let sources: Vec<Source> = sources(folders).into_iter().filter(which).collect();
    assert!(!sources.is_empty(), "there is something to look at");
    let faults: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn any(_: &Source) -> bool {
    true
}

fn folder_of(bff: &str, name: &str) -> [String; 2] {
    [format!("{bff}/src/{name}.rs"), format!("{bff}/src/{name}/")]
}

/// The file and the folder of the module `name` of either BFF.
fn of_bff(name: &'static str) -> impl Fn(&Source) -> bool {
    move |source| {
        let places = BFFS.map(|bff| folder_of(bff, name));
        places.iter().flatten().any(|place| source.is_in(&[place]))
    }
}

#[test]
fn outside_the_domain_nothing_is_an_order_or_a_customer() {
    let outside = |source: &Source| !source.is_in(&["shared/src/domain.rs", "shared/src/domain/"]);
    hold(&["shared/src"], outside, rules::domain_words);
}

#[test]
fn awc_is_named_by_its_transport_alone() {
    let home = [
        "shared/src/upstream/transport/awc.rs",
        "shared/src/upstream/transport/awc/",
    ];
    let folders = [
        "shared/src",
        "bff-web",
        "bff-mobile",
        "mock-services",
        "demo",
    ];
    hold(&folders, any, |source| rules::only_in(source, "awc", &home));
}

#[test]
fn tonic_is_named_by_its_transport_alone() {
    let home = [
        "shared/src/upstream/transport/grpc.rs",
        "shared/src/upstream/transport/grpc/",
    ];
    let folders = ["shared/src", "bff-web/src", "bff-mobile/src", "demo/src"];
    hold(&folders, any, |source| {
        rules::only_in(source, "tonic", &home)
    });
}

#[test]
fn httparse_is_named_by_its_transport_alone() {
    let home = [
        "shared/src/upstream/transport/forward.rs",
        "shared/src/upstream/transport/forward/",
    ];
    let folders = ["shared/src", "bff-web/src", "bff-mobile/src", "demo/src"];
    hold(&folders, any, |source| {
        rules::only_in(source, "httparse", &home)
    });
}

#[test]
fn every_room_of_the_crate_uses_those_below_it_alone() {
    hold(&["shared/src"], any, rules::rooms);
}

#[test]
fn composing_and_the_domain_know_no_server() {
    let rooms = [
        "shared/src/compose.rs",
        "shared/src/compose/",
        "shared/src/domain.rs",
        "shared/src/domain/",
    ];
    hold(
        &["shared/src"],
        |source| source.is_in(&rooms),
        |source| rules::no_name(source, |name| name.starts_with("actix")),
    );
}

#[test]
fn a_services_client_knows_no_other() {
    let is_client = |source: &Source| source.path.ends_with("/client.rs");
    hold(&["shared/src/domain"], is_client, rules::no_other_client);
}

#[test]
fn main_is_short_and_does_nothing_itself() {
    hold(&BFFS, of_bff("main"), |source| {
        let busy = |name: &str| matches!(name, "awc" | "routes" | "view" | "domain" | "upstream");
        [rules::at_most(source, 40), rules::no_name(source, busy)].concat()
    });
}

#[test]
fn routes_ask_aggregates_and_no_upstream() {
    hold(&BFFS, of_bff("routes"), |source| {
        rules::no_name(source, |name| {
            matches!(name, "upstream" | "awc") || name.ends_with("Client")
        })
    });
}

#[test]
fn resolvers_ask_the_desk_and_no_upstream() {
    let graphql = folder_of("bff-web", "graphql");
    let is_there = |source: &Source| graphql.iter().any(|place| source.is_in(&[place]));
    hold(&["bff-web/src"], is_there, |source| {
        rules::no_name(source, |name| {
            matches!(name, "upstream" | "awc") || name.ends_with("Client")
        })
    });
}

#[test]
fn views_are_pure() {
    hold(&BFFS, of_bff("view"), rules::pure_view);
}

#[test]
fn the_mock_services_share_nothing_with_what_they_stand_in_for() {
    hold(&["mock-services"], any, |source| {
        rules::no_name(source, |name| name.starts_with("bff_"))
    });
    let manifest =
        fs::read_to_string(workspace().join("mock-services/Cargo.toml")).expect("a manifest");
    assert!(
        !manifest.contains("bff-"),
        "mock-services/Cargo.toml names a member"
    );
}

#[test]
fn models_are_read_and_views_are_written() {
    hold(&["shared/src/domain"], any, |source| {
        rules::no_derive(source, &["Serialize", "ToSchema"])
    });
    hold(&BFFS, of_bff("view"), |source| {
        rules::no_derive(source, &["Deserialize"])
    });
}

#[test]
fn no_lint_is_switched_off() {
    hold(&MEMBERS, any, rules::no_lint_off);
}

#[test]
fn no_file_is_too_long_to_read() {
    hold(&MEMBERS, any, |source| rules::at_most(source, 449));
}
