//! Attacks on runs, and the judge of what they leave: [`kills`] ends runs at any moment, [`races`] has git at work
//! in the checkout meanwhile, [`proxy`] breaks the connection to the engine, [`states`] knows what must hold then.

#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "a module of tests")]

pub mod kills;
pub mod proxy;
pub mod races;
#[path = "../soundness/random.rs"]
pub mod random;
pub mod states;

use random::Random;

/// How many rounds, and where their choices come from.
pub fn rounds(usual: usize) -> (usize, Random) {
    let number = |variable: &str| std::env::var(variable).ok()?.parse::<u64>().ok();
    let rounds = number("SHIPWRIGHT_ATTACK_ROUNDS").and_then(|rounds| usize::try_from(rounds).ok());
    (rounds.unwrap_or(usual), Random::new(number("SHIPWRIGHT_ATTACK_SEED").unwrap_or(1)))
}
