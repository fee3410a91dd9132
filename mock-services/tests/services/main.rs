//! Both services and the proxy through real sockets, and the programs.

mod bad_writes;
mod binaries;
mod customers;
mod faults;
mod frames;
mod grpc;
mod grpc_faults;
mod grpc_server;
mod grpc_writes;
mod http;
mod orders;
mod proxy;
mod proxy_control;
mod proxy_faults;
mod proxy_grpc;
mod proxy_outages;
mod write_faults;
mod writes;
