//! Makes the messages of the services' .proto files.

#[cfg(not(feature = "domain"))]
fn main() {}

#[cfg(feature = "domain")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    const FILES: [&str; 2] = ["customers/v1/customers.proto", "orders/v1/orders.proto"];
    println!("cargo::rerun-if-changed=../proto");
    let files = protox::compile(FILES, ["../proto"])?;
    prost_build::Config::new().compile_fds(files)?;
    Ok(())
}
