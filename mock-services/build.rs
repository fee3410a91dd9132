//! Makes the messages of the .proto files, and clients for the tests.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

#[expect(clippy::disallowed_methods, reason = "Cargo tells it so")]
fn main() -> Result<(), Box<dyn Error>> {
    const FILES: [&str; 2] = ["customers/v1/customers.proto", "orders/v1/orders.proto"];
    println!("cargo::rerun-if-changed=../proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let files = protox::compile(FILES, ["../proto"])?;
    // What reflection tells.
    fs::write(out.join("contracts.bin"), files.encode_to_vec())?;
    let messages = || tonic_prost_build::configure().build_server(false);
    messages().build_client(false).compile_fds(files.clone())?;
    let clients = out.join("clients");
    fs::create_dir_all(&clients)?;
    messages().out_dir(clients).compile_fds(files)?;
    Ok(())
}
