//! What may fail now and not a moment later is tried again, with pauses.

use std::time::Duration;

/// How often something is tried, and the pauses between.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// How often it is tried altogether.
    pub tries: u32,
    /// The pause after the first try; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause, also when whoever failed asks for a longer one.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new(5, Duration::from_millis(300))
    }
}

impl RetryPolicy {
    /// So many tries, `first_pause` and then twice as long between them.
    pub(crate) const fn new(tries: u32, first_pause: Duration) -> Self {
        Self { tries, first_pause, longest_pause: Duration::from_secs(30) }
    }

    /// The pause after `tries` tries. `dice` in 0..1 spreads it over its upper half, so that many clients do not
    /// come back at the same moment; what whoever failed asked for (`wanted`) is never shortened by it.
    pub(crate) fn pause(&self, tries: u32, wanted: Option<Duration>, dice: f64) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << tries.saturating_sub(1).min(16));
        let spread = doubled.min(self.longest_pause).mul_f64(0.5 + dice.clamp(0.0, 1.0) / 2.0);
        spread.max(wanted.unwrap_or_default()).min(self.longest_pause)
    }
}

/// Does it until `again` is content with the outcome, or the policy is.
pub(crate) async fn retry<T, F: Future<Output = T>>(
    policy: RetryPolicy,
    mut once: impl FnMut() -> F,
    again: impl Fn(&T) -> bool,
) -> T {
    let mut tries = 1;
    loop {
        let outcome = once().await;
        if tries >= policy.tries || !again(&outcome) {
            return outcome;
        }
        drop(outcome);
        tokio::time::sleep(policy.pause(tries, None, rand::random())).await;
        tries += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = RetryPolicy {
            tries: 9,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(1),
        };
        let pauses = [1, 2, 3, 4, 5, 99].map(|tries| policy.pause(tries, None, 1.0).as_millis());
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(policy.pause(1, None, 0.0).as_millis(), 50);
        assert_eq!(policy.pause(1, Some(Duration::from_millis(700)), 0.0).as_millis(), 700);
        assert_eq!(policy.pause(1, Some(Duration::from_secs(7)), 0.0).as_millis(), 1000);
    }
}
