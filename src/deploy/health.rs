use std::time::Duration;

use serde_json::Value;

use super::json::text;

/// Docker's defaults for a health check (moby, `daemon/health.go`).
const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(30);
const RETRIES: u32 = 3;
/// How much longer than that it is waited for.
const MARGIN: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It cannot be said yet.
    Waiting,
    Up,
    /// It is not, and why.
    Down(String),
}

/// Judges a container that was started so long ago. Without a health check it is up when it has run for `grace`.
pub(crate) fn judge(container: &Value, elapsed: Duration, grace: Duration) -> Verdict {
    let state = &container["State"];
    let restarts = container["RestartCount"].as_i64().unwrap_or_default();
    if state["Running"] != true || state["Restarting"] == true {
        let code = state["ExitCode"].as_i64().unwrap_or_default();
        let said = text(state, "Error");
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        return Verdict::Down(format!("it ended with exit code {code}{said}"));
    }
    if restarts > 0 {
        return Verdict::Down("it ended and was started again".to_owned());
    }
    let budget = health_budget(container);
    match (text(&state["Health"], "Status"), budget) {
        ("healthy", _) => Verdict::Up,
        ("unhealthy", _) => Verdict::Down("its health check fails".to_owned()),
        ("starting", Some(budget)) if elapsed > budget => {
            Verdict::Down(format!("its health check has not succeeded within {} s", budget.as_secs()))
        }
        ("starting", Some(_)) => Verdict::Waiting,
        _ if elapsed >= grace => Verdict::Up,
        _ => Verdict::Waiting,
    }
}

/// How long a container's health check may take to say yes; none without one.
pub(crate) fn health_budget(container: &Value) -> Option<Duration> {
    let check = &container["Config"]["Healthcheck"];
    let kind = check["Test"].as_array()?.first()?.as_str()?;
    if kind == "NONE" {
        return None;
    }
    let time = |field: &str, default: Duration| {
        let given = check[field].as_u64().filter(|nanoseconds| *nanoseconds > 0);
        given.map_or(default, Duration::from_nanos)
    };
    let retries = check["Retries"].as_u64().filter(|retries| *retries > 0);
    let retries = retries.and_then(|retries| u32::try_from(retries).ok()).unwrap_or(RETRIES);
    let round = time("Interval", INTERVAL).saturating_add(time("Timeout", TIMEOUT));
    let rounds = round.saturating_mul(retries.saturating_add(1));
    Some(time("StartPeriod", Duration::ZERO).saturating_add(rounds).saturating_add(MARGIN))
}

/// What the health check said last.
pub(crate) fn last_health_output(container: &Value) -> Option<String> {
    let last = container["State"]["Health"]["Log"].as_array()?.last()?;
    let said = text(last, "Output").trim();
    (!said.is_empty()).then(|| said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn without_a_health_check_it_has_to_run_for_a_while() {
        let runs = json!({"State": {"Running": true}});
        assert_eq!(judge(&runs, seconds(9), seconds(10)), Verdict::Waiting);
        assert_eq!(judge(&runs, seconds(10), seconds(10)), Verdict::Up);
        let ended = json!({"State": {"Running": false, "ExitCode": 3}});
        assert_eq!(judge(&ended, seconds(0), seconds(10)), Verdict::Down("it ended with exit code 3".into()));
        let again = json!({"State": {"Running": true}, "RestartCount": 1});
        assert!(matches!(judge(&again, seconds(20), seconds(10)), Verdict::Down(_)));
    }

    #[test]
    fn a_health_check_decides_and_has_its_own_time() {
        let with = |status: &str| {
            json!({"State": {"Running": true, "Health": {"Status": status}}, "Config": {"Healthcheck": {"Test": ["CMD", "x"],
                "Interval": 1_000_000_000u64, "Timeout": 1_000_000_000u64, "Retries": 2}}})
        };
        assert_eq!(judge(&with("starting"), seconds(15), seconds(1)), Verdict::Waiting);
        assert!(matches!(judge(&with("starting"), seconds(17), seconds(1)), Verdict::Down(_)));
        assert_eq!(judge(&with("healthy"), seconds(0), seconds(10)), Verdict::Up);
        assert!(matches!(judge(&with("unhealthy"), seconds(0), seconds(10)), Verdict::Down(_)));
        let none = json!({"State": {"Running": true}, "Config": {"Healthcheck": {"Test": ["NONE"]}}});
        assert_eq!((health_budget(&none), judge(&none, seconds(1), seconds(1))), (None, Verdict::Up));
    }
}
