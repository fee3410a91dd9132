//! The settings: the committed example of them is right, and wrong ones are refused.

use bff_mobile::{Config, PROGRAM};
use bff_shared::config::Settings;
use bff_shared::domain::ServicesConfig;

use crate::helpers::endpoint;

/// The settings file as it is committed.
const EXAMPLE: &str = include_str!("../../bff-mobile.example.toml");

#[test]
fn the_committed_example_is_what_the_code_says() {
    assert_eq!(
        EXAMPLE,
        PROGRAM.example(),
        "renew it: cargo run -q -p bff-mobile -- example-config > bff-mobile/bff-mobile.example.toml"
    );
}

#[test]
fn the_example_sets_every_key_to_its_default() {
    let example = Settings::new()
        .with_file("example", EXAMPLE)
        .read(Config::read)
        .unwrap();

    assert_eq!(example, Settings::new().read(Config::read).unwrap());
    assert_eq!(
        example,
        Config::new(ServicesConfig::new(
            endpoint("http://127.0.0.1:8081"),
            endpoint("http://127.0.0.1:8082")
        ))
    );
}

#[test]
fn the_binary_accepts_the_example_and_refuses_what_is_wrong() {
    let check = || {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_bff-mobile"));
        command.env_clear().arg("check-config");
        command
    };

    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/bff-mobile.example.toml");
    check()
        .args(["--config", example])
        .assert()
        .success()
        .stdout("The settings are fine.\n");
    let refused = check()
        .env("BFF__LISTEN", "nowhere")
        .assert()
        .code(2)
        .stdout("");
    let told = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(
        told.contains("BFF__LISTEN: listen = \"nowhere\": "),
        "{told}"
    );
    // An app needs no CORS: there is no such setting here.
    check()
        .env("BFF__CORS__ALLOWED_ORIGINS", "https://app.example.com")
        .assert()
        .code(2);
}
