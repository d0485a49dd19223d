//! What git's hooks do: they look at what is pushed, and follow a branch switch.

mod check;
mod post_checkout;
mod pre_push;

pub use post_checkout::{Switched, post_checkout};
pub use pre_push::{PrePushRequest, pre_push};
