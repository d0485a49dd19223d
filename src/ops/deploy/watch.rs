use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::hands::Hands;
use super::request::Probe;
use crate::deploy::{Verdict, judge, last_health_output};
use crate::diagnostic::Diagnostic;
use crate::engine::EngineError;
use crate::ops::Error;
use crate::printable::printable;
use crate::registry::{Prober, ProxySettings};

/// How much of a container's log is shown.
pub(super) const LOG_LINES: u32 = 20;
/// How often a container is looked at.
const PULSE: Duration = Duration::from_millis(250);
/// How long a container that was started again has to run.
const STEADY: Duration = Duration::from_millis(500);
/// How long a probe is tried, and how long one try may take.
const PROBE: Duration = Duration::from_secs(30);
const PROBE_TRY: Duration = Duration::from_secs(10);

/// Why a container is not up.
#[derive(Debug)]
pub(super) enum NotUp {
    Down(String),
    /// Somebody asked for the end.
    Interrupted,
}

/// Waits until a container that was just started is up. `log` keeps its last lines, which are gone with a container that its
/// engine removes.
pub(super) async fn until_up(
    hands: Hands<'_>,
    id: &str,
    grace: Duration,
    token: &CancellationToken,
    log: &mut Vec<String>,
) -> Result<Result<(), NotUp>, EngineError> {
    let begun = Instant::now();
    loop {
        if token.is_cancelled() {
            return Ok(Err(NotUp::Interrupted));
        }
        let Some(container) = hands.container(id).await? else {
            return Ok(Err(NotUp::Down("it ended, and the engine removed it".to_owned())));
        };
        if container["HostConfig"]["AutoRemove"] == true {
            *log = hands.log(id, LOG_LINES).await;
        }
        match judge(&container, begun.elapsed(), grace) {
            Verdict::Up => return Ok(Ok(())),
            Verdict::Down(why) => {
                let said = last_health_output(&container).map(|said| format!(": {said}")).unwrap_or_default();
                return Ok(Err(NotUp::Down(format!("{why}{said}"))));
            }
            Verdict::Waiting => tokio::time::sleep(PULSE).await,
        }
    }
}

pub(super) enum Asked<'a> {
    Command(&'a str),
    Address(&'a str, Prober),
}

impl<'a> Asked<'a> {
    pub(super) fn new(probe: &'a Probe, proxies: &ProxySettings) -> Result<Self, Error> {
        match probe {
            Probe::Command(line) => Ok(Self::Command(line)),
            Probe::Address(address) => {
                let prober = Prober::new(address, proxies, PROBE_TRY);
                let prober = prober.map_err(|error| Error::usage(format!("--probe {address}: {error}")))?;
                Ok(Self::Address(address, prober))
            }
        }
    }

    /// Tries once; gives why it did not succeed.
    async fn once(&self, hands: Hands<'_>, id: &str) -> Result<(), String> {
        match self {
            Self::Command(line) => {
                match hands.run(id, &["sh".into(), "-c".into(), (*line).to_owned()], PROBE_TRY).await {
                    Ok(Some(0)) => Ok(()),
                    Ok(Some(code)) => Err(format!("the probe ended with exit code {code}")),
                    Ok(None) => Err(format!("the probe did not end within {} s", PROBE_TRY.as_secs())),
                    Err(error) => Err(error.to_string()),
                }
            }
            Self::Address(address, prober) => {
                prober.ask().await.map_err(|why| format!("the probe of {address} failed: {why}"))
            }
        }
    }
}

/// Waits until a probe succeeds.
pub(super) async fn until_probed(
    hands: Hands<'_>,
    id: &str,
    probe: &Asked<'_>,
    token: &CancellationToken,
) -> Result<Result<(), NotUp>, EngineError> {
    let begun = Instant::now();
    loop {
        if token.is_cancelled() {
            return Ok(Err(NotUp::Interrupted));
        }
        let Err(why) = probe.once(hands, id).await else { return Ok(Ok(())) };
        if begun.elapsed() > PROBE || !hands.runs(id).await? {
            return Ok(Err(NotUp::Down(why)));
        }
        tokio::time::sleep(PULSE).await;
    }
}

/// Starts a container that ran before, and sees that it goes on running. Gives what is wrong.
pub(super) async fn started_again(hands: Hands<'_>, id: &str) -> Result<Option<Diagnostic>, EngineError> {
    let short = id.get(..12).unwrap_or(id);
    let hint = format!("docker logs {short}; docker start {short}");
    match hands.start(id).await {
        Ok(()) => {}
        Err(EngineError::Refused { message, .. }) => {
            let message = format!("what ran before cannot be started again: {}", printable(&message));
            return Ok(Some(Diagnostic::error(message).hint(hint)));
        }
        Err(error) => return Err(error),
    }
    for _ in 0..2 {
        tokio::time::sleep(STEADY).await;
        if !hands.runs(id).await? {
            let message = "what ran before was started again and has ended";
            return Ok(Some(Diagnostic::error(message).hint(hint)));
        }
    }
    Ok(None)
}
