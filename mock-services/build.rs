//! Makes the gRPC services of the .proto files.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const FILES: [&str; 2] = ["customers/v1/customers.proto", "orders/v1/orders.proto"];
    println!("cargo::rerun-if-changed=../proto");
    let files = protox::compile(FILES, ["../proto"])?;
    tonic_prost_build::configure()
        .build_client(false)
        .compile_fds(files)?;
    Ok(())
}
