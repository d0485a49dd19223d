//! The steps of a move, in their order. Up to the sign that the new containers are up, everything can be taken back, and is
//! when anything goes wrong; from there on it is only finished.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::hands::Hands;
use super::lock::request;
use super::recover::settle;
use super::request::Moving;
use super::survey::{Member, Plan};
use super::watch::{Asked, LOG_LINES, NotUp, until_probed, until_up};
use crate::deploy::{Names, Recreated, is_called, text};
use crate::diagnostic::Diagnostic;
use crate::engine::EngineError;
use crate::ops::{Audience, Ending, Error, Said};
use crate::printable::printable;
use crate::registry::ProxySettings;

/// Why a move is taken back.
enum MoveFailure {
    /// The engine refused, or cannot be asked.
    Engine(EngineError),
    /// A new container is not up.
    NotUp { name: String, why: String, log: Vec<String> },
    /// Somebody asked for the end.
    Interrupted,
}

impl From<EngineError> for MoveFailure {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// When a container is up.
struct Manner<'a> {
    grace: Duration,
    probe: Option<Asked<'a>>,
}

/// Moves containers that are held. The audience is told why it failed.
pub(super) async fn carry_out(
    hands: Hands<'_>,
    plan: &mut Plan,
    (moving, proxies): (&Moving, &ProxySettings),
    token: &CancellationToken,
    audience: &mut dyn Audience,
) -> Result<Ending, Error> {
    let speaker = audience.speaker();
    let say = |text: &str| speaker(Said::Line(text));
    let probe = moving.probe.as_ref().map(|probe| Asked::new(probe, proxies)).transpose()?;
    let manner = Manner { grace: moving.grace, probe };
    let failure = try_to(hands, plan, &manner, token, &say).await.err();
    if let Some(MoveFailure::NotUp { name, log, .. }) = &failure {
        say(&format!("the last lines of the new {name}:"));
        for line in log {
            say(&format!("  {}", printable(line)));
        }
    }
    let settled = settle(hands, &plan.note, audience).await;
    let Some(failure) = failure else {
        // It is up, whatever is left to be removed.
        settled?;
        return Ok(Ending::Done);
    };
    let (message, ending) = match failure {
        MoveFailure::Engine(error) => {
            let ending = if error.is_unreachable() { Ending::NoEngine } else { Ending::Failed };
            (error.to_string(), ending)
        }
        MoveFailure::NotUp { name, why, .. } => {
            (format!("{name} is not up with {}: {}", plan.note.image, printable(&why)), Ending::Failed)
        }
        MoveFailure::Interrupted => ("interrupted".to_owned(), Ending::Interrupted),
    };
    let name = plan.note.members.first().map(|leader| leader.name.clone()).unwrap_or_default();
    match settled {
        Ok(settled) if settled.is_finished => return Ok(Ending::Done),
        Ok(settled) if settled.findings.is_empty() => {
            let runs = plan.note.members.iter().any(|member| member.runs);
            let hint = match (plan.note.creates(), runs) {
                (true, _) => "it is removed; volumes with a name of their own stay",
                (false, true) => "what ran before is back and runs",
                (false, false) => "what was there before is back",
            };
            audience.finds(&[Diagnostic::error(message).hint(hint)]);
        }
        Ok(settled) => {
            audience.finds(&[Diagnostic::error(message)]);
            audience.finds(&settled.findings);
        }
        Err(error) => {
            audience.finds(&[Diagnostic::error(message)]);
            audience.finds(&error.into_findings());
            let (what, command) = if plan.note.creates() {
                ("what was made may not be removed yet", "deploy")
            } else {
                ("what ran before may not be back yet", "rollback")
            };
            let hint = format!("shipwright {command} {name}: it looks after that first");
            let left = Diagnostic::error(what).hint(hint);
            return Err(Error::one(ending, left));
        }
    }
    Ok(ending)
}

async fn try_to(
    hands: Hands<'_>,
    plan: &mut Plan,
    manner: &Manner<'_>,
    token: &CancellationToken,
    say: &(dyn Fn(&str) + Sync),
) -> Result<(), MoveFailure> {
    let made = make(hands, &mut plan.members).await?;
    check(token)?;
    for member in plan.members.iter().rev() {
        put_aside(hands, member, say).await?;
    }
    for (at, (member, id)) in plan.members.iter().zip(&made).enumerate() {
        check(token)?;
        hands.rename(id, member.name()).await?;
        if member.runs() {
            // The probe is about what gets the new image, which is the first.
            let probe = manner.probe.as_ref().filter(|_| at == 0);
            start(hands, member, id, (manner.grace, probe), token, say).await?;
        }
    }
    check(token)?;
    let Some(leader) = plan.members.first() else { return Ok(()) };
    let names = Names::of(leader.name());
    if leader.old.is_none() {
        // Without an old one whose name would say it, a container that never runs is the sign.
        hands.create(&names.done, &request(&plan.note, &plan.image)).await?;
        return Ok(());
    }
    let Some(old) = hands.container(&names.old).await? else { return Ok(()) };
    hands.rename(text(&old, "Id"), &names.done).await?;
    Ok(())
}

fn check(token: &CancellationToken) -> Result<(), MoveFailure> {
    if token.is_cancelled() { Err(MoveFailure::Interrupted) } else { Ok(()) }
}

/// Makes the new containers, none of which runs yet. Nothing of the old ones is touched.
async fn make(hands: Hands<'_>, members: &mut [Member]) -> Result<Vec<String>, MoveFailure> {
    let mut made: Vec<(String, String, String)> = Vec::new();
    for member in members {
        let names = Names::of(member.name());
        if let Some(spare) = &member.spare {
            create(hands, &names.old, spare).await?;
        }
        member.new.shares_with(&|word| {
            made.iter().find(|(id, name, _)| is_called(word, id, name)).map(|(.., new)| new.clone())
        });
        let id = create(hands, &names.new, &member.new).await?;
        let image = hands.container(&id).await?.map(|it| text(&it, "Image").to_owned());
        if image.as_deref() != Some(&member.image) {
            return Err(MoveFailure::Engine(EngineError::Refused {
                action: format!("create {}", names.own),
                message: "its image's name has moved meanwhile".to_owned(),
                status: 409,
            }));
        }
        made.push((member.id().to_owned(), member.name().to_owned(), id));
    }
    Ok(made.into_iter().map(|(.., new)| new).collect())
}

async fn create(hands: Hands<'_>, name: &str, asked: &Recreated) -> Result<String, EngineError> {
    let id = hands.create(name, &asked.request).await?;
    for (network, endpoint) in &asked.connect {
        hands.connect(network, &id, endpoint).await?;
    }
    if let Some(network) = &asked.disconnect {
        hands.disconnect(network, &id).await?;
    }
    Ok(id)
}

/// Stops an old container and takes its name. What two cannot have at once, such as ports, is free then.
async fn put_aside(
    hands: Hands<'_>,
    member: &Member,
    say: &(dyn Fn(&str) + Sync),
) -> Result<(), MoveFailure> {
    if member.old.is_none() {
        return Ok(());
    }
    if member.runs() {
        say(&format!("stopping {}", member.name()));
        hands.stop(member.id(), member.stop_timeout()).await?;
    }
    if member.spare.is_some() && member.runs() {
        // Its engine removes it, which may take a moment longer than to stop it.
        hands.remove(member.id(), false).await?;
    } else if member.spare.is_none() {
        hands.rename(member.id(), &Names::of(member.name()).old).await?;
    }
    Ok(())
}

async fn start(
    hands: Hands<'_>,
    member: &Member,
    id: &str,
    (grace, probe): (Duration, Option<&Asked<'_>>),
    token: &CancellationToken,
    say: &(dyn Fn(&str) + Sync),
) -> Result<(), MoveFailure> {
    let name = member.name().to_owned();
    say(&format!("starting {name}"));
    let mut log = Vec::new();
    let up = match hands.start(id).await {
        Ok(()) => until_up(hands, id, grace, token, &mut log).await?,
        Err(EngineError::Refused { message, .. }) => Err(NotUp::Down(message)),
        Err(error) => return Err(error.into()),
    };
    let up = match (probe, up) {
        (Some(probe), Ok(())) => until_probed(hands, id, probe, token).await?,
        (_, up) => up,
    };
    match up {
        Ok(()) => Ok(()),
        Err(NotUp::Interrupted) => Err(MoveFailure::Interrupted),
        Err(NotUp::Down(why)) => {
            let last = hands.log(id, LOG_LINES).await;
            let log = if last.is_empty() { log } else { last };
            Err(MoveFailure::NotUp { name, why, log })
        }
    }
}
