//! What the tests of registries share: a real registry, a token server, and a proxy that breaks things.

#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test file uses a part of it")]

pub mod http;
pub mod proxy;
pub mod server;
pub mod tls;
pub mod tokens;
