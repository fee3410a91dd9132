//! `Idempotency-Key`, for the documentation of the routes that take one.

use bff_shared::serve::idempotency;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterIn};

/// The header where it has to be there.
pub(super) struct Key;

impl IntoParams for Key {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![idempotency::parameter(Required::True)]
    }
}

/// The header where it may be missing.
pub(super) struct OptionalKey;

impl IntoParams for OptionalKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![idempotency::parameter(Required::False)]
    }
}
