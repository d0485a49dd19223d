//! Containers that are made the first time. The steps are those of any other deployment, without an old container: a
//! container that never runs is the sign that the new one is up, since no old one can bear it.

use super::carry_out::carry_out;
use super::hands::Hands;
use super::lock::hold;
use super::recover::{is_unfinished, recover};
use super::request::{Creation, Deployed};
use super::resolve::Resolved;
use super::survey::survey_new;
use super::{Mover, ROUNDS, changes_all_the_time, is_as_surveyed, released};
use crate::ops::{Audience, Ending, Error, Said};

pub(super) async fn refuse_existing(hands: Hands<'_>, name: &str) -> Result<(), Error> {
    if hands.named(name).await?.is_none() {
        return Ok(());
    }
    let message = format!("there is a container {name} already");
    Err(Error::usage_with_hint(
        message,
        format!("shipwright deploy {name} IMAGE moves it, and keeps what it was given"),
    ))
}

impl Mover<'_> {
    pub(super) async fn creates(
        &self,
        name: &str,
        resolved: &Resolved,
        creation: &Creation,
        audience: &mut dyn Audience,
    ) -> Result<Deployed, Error> {
        let hands = self.hands;
        for _ in 0..ROUNDS {
            if !self.moving.dry_run && is_unfinished(hands, name).await? {
                recover(hands, self.place, name, audience).await?;
            }
            refuse_existing(hands, name).await?;
            let mut plan = survey_new(hands, name, creation, resolved, self.moving).await?;
            let moved = plan.moved(&resolved.image.name);
            if self.moving.dry_run {
                return Ok(Deployed::Difference(moved, plan.difference));
            }
            let speaker = audience.speaker();
            let waits = || speaker(Said::Line(&format!("waiting for another run, which is making {name}")));
            let file = self.place.file(name, waits).await?;
            plan.note.place.clone_from(&self.place.name);
            let Some(held) = hold(hands, file, &plan.note, &plan.image).await? else { continue };
            let careful = self.services.interrupts.careful();
            if !is_as_surveyed(hands, &plan).await? {
                held.release(hands).await?;
                continue;
            }
            let ending = carry_out(hands, &mut plan, self.manner(), careful.token(), audience).await?;
            released(hands, held, audience).await;
            return Ok(if ending == Ending::Done { Deployed::Done(moved) } else { Deployed::Failed(ending) });
        }
        Err(changes_all_the_time(name))
    }
}
