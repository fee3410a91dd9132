//! The customer service over gRPC, as `proto/customers/v1/customers.proto` has it.

use prost::Message;

use super::{Address, AddressParts, Customer, CustomerId};
use crate::domain::proto::customers as proto;
use crate::upstream::{Batch, Request, Undecodable, messages};

/// `GetCustomer`, and `BatchGetCustomers` for up to a hundred.
pub(super) struct CustomersByRpc;

impl Batch for CustomersByRpc {
    type Key = CustomerId;
    type Value = Customer;

    fn one(id: CustomerId) -> Request {
        let message = proto::GetCustomerRequest { id: id.signed() };
        let path = "/customers.v1.CustomerService/GetCustomer";
        Request::rpc(path, message.encode_to_vec()).without_side_effects()
    }

    fn many(ids: &[CustomerId]) -> Request {
        let message = proto::BatchGetCustomersRequest {
            ids: ids.iter().map(|id| id.signed()).collect(),
        };
        let path = "/customers.v1.CustomerService/BatchGetCustomers";
        Request::rpc(path, message.encode_to_vec()).without_side_effects()
    }

    fn read(message: &[u8]) -> Result<(CustomerId, Customer), Undecodable> {
        let answer = proto::GetCustomerResponse::decode(message).map_err(Undecodable::message)?;
        let customer = answer
            .customer
            .ok_or_else(|| Undecodable::new("no customer in it"))?;
        let customer = Customer::try_from(customer)?;
        Ok((customer.id, customer))
    }

    /// The one field of `BatchGetCustomersResponse` has the number of that of `GetCustomerResponse`: each time that it
    /// comes is an answer for one.
    fn items(body: &[u8]) -> Result<Vec<&[u8]>, Undecodable> {
        messages(body, 1)
    }
}

impl TryFrom<proto::Customer> for Customer {
    type Error = Undecodable;

    fn try_from(customer: proto::Customer) -> Result<Self, Undecodable> {
        let id = CustomerId::from_signed(customer.id);
        Ok(Self {
            id: id.map_err(|_| Undecodable::new("an id that is none"))?,
            name: customer.name,
            email: customer.email,
            phone: customer.phone,
            address: customer.address.map(Address::from),
        })
    }
}

impl From<proto::customer::Address> for Address {
    fn from(address: proto::customer::Address) -> Self {
        match address {
            proto::customer::Address::AddressText(text) => Self::Text(text),
            proto::customer::Address::AddressParts(parts) => Self::Parts(AddressParts {
                street: parts.street,
                postcode: parts.postcode,
                city: parts.city,
                country: parts.country,
            }),
        }
    }
}
