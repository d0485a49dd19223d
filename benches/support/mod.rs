//! What the benchmarks share.

pub(crate) mod checkout;
pub(crate) mod engine;
pub(crate) mod machine;
pub(crate) mod table;
pub(crate) mod timing;

/// The command that is measured.
pub(crate) const SHIPWRIGHT: &str = env!("CARGO_BIN_EXE_shipwright");
