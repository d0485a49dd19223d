use std::time::Duration;

use super::phrase;
use super::roster::Roster;
use super::text;
use crate::execution::Event;
use crate::plan::StepId;
use crate::printable::list;

/// Images that were only tagged are named one by one up to this number.
const MANY: usize = 10;

/// More tags of one image than this are counted.
const TAGS: usize = 4;

/// How far a push is, for whoever shows it.
#[derive(Debug, Default)]
pub(super) struct Pushes {
    registries: usize,
    /// How many images have to be sent, once for each registry.
    pub all: usize,
    pub sent: usize,
    /// Sent, but the tags that move are not put yet: these move together at the end.
    waiting: Vec<(StepId, String, Duration)>,
    tagged: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    /// `pushed` or `tagged`.
    pub word: &'static str,
    /// `acme/api (main, latest)`
    pub what: String,
    pub took: Option<Duration>,
}

impl Pushes {
    /// What is shown of an image that is sent: its name, with the registry where there are several.
    pub(super) fn name(&self, roster: &Roster, image: StepId, reference: &str) -> String {
        if self.registries > 1 {
            let repository = reference.rsplit_once(':').map_or(reference, |(repository, _)| repository);
            text::one_line(repository)
        } else {
            roster.name(image).to_owned()
        }
    }

    /// Takes in one event, and gives what it completes.
    pub(super) fn event(&mut self, event: &Event, roster: &Roster) -> Vec<Arrived> {
        match event {
            Event::PublishingStarted { registries, pushes } => {
                *self = Self { registries: *registries, all: *pushes, ..Self::default() };
            }
            Event::PushFinished { image, reference, elapsed, error: None } => {
                self.sent += 1;
                self.waiting.push((*image, reference.clone(), *elapsed));
            }
            Event::Published { image, reference, tags, elapsed } => {
                self.waiting.retain(|(_, sent, _)| sent != reference);
                return self.arrived(*image, reference, tags, *elapsed, roster).into_iter().collect();
            }
            Event::Finished { .. } => return self.rest(roster),
            _ => {}
        }
        Vec::new()
    }

    fn arrived(
        &mut self,
        image: StepId,
        reference: &str,
        tags: &[String],
        took: Option<Duration>,
        roster: &Roster,
    ) -> Option<Arrived> {
        self.tagged += usize::from(took.is_none());
        if took.is_none() && self.tagged > MANY {
            return None;
        }
        let tags: Vec<String> = tags.iter().map(|tag| text::one_line(tag)).collect();
        let tags = match tags.len() {
            0 => String::new(),
            1..=TAGS => format!(" ({})", tags.join(", ")),
            _ => format!(" ({})", list(&tags, TAGS)),
        };
        let word = if took.is_some() { "pushed" } else { "tagged" };
        Some(Arrived { word, what: self.name(roster, image, reference) + &tags, took })
    }

    /// What was sent although no tag moves to it any more, and how many were only tagged.
    fn rest(&mut self, roster: &Roster) -> Vec<Arrived> {
        let waiting = std::mem::take(&mut self.waiting);
        let sent = waiting.into_iter().map(|(image, reference, took)| Arrived {
            word: "pushed",
            what: self.name(roster, image, &reference),
            took: Some(took),
        });
        let mut rest: Vec<Arrived> = sent.collect();
        if let Some(more) = self.tagged.checked_sub(MANY + 1) {
            let what = format!("{} more", phrase::count(more + 1, "image"));
            rest.push(Arrived { word: "tagged", what, took: None });
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::Outcome;
    use crate::report::testing::run::{over, seconds};
    use crate::report::testing::shop;

    fn said(events: &[Event]) -> Vec<String> {
        let roster = Roster::new(&shop());
        let mut pushes = Pushes::default();
        let arrived = events.iter().flat_map(|event| pushes.event(event, &roster));
        let line = |one: Arrived| {
            let took = one.took.map(|took| format!(" {}", phrase::duration(took)));
            format!("{} {}{}", one.word, one.what, took.unwrap_or_default())
        };
        arrived.map(line).collect()
    }

    fn begun(registries: usize) -> Event {
        Event::PublishingStarted { registries, pushes: 2 }
    }

    fn sent(image: usize, reference: &str) -> Event {
        let elapsed = seconds(0.4);
        Event::PushFinished { image: StepId(image), reference: reference.to_owned(), elapsed, error: None }
    }

    fn published(image: usize, reference: &str, tags: &[&str], took: Option<f64>) -> Event {
        Event::Published {
            image: StepId(image),
            reference: reference.to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            elapsed: took.map(seconds),
        }
    }

    #[test]
    fn an_image_is_told_once_with_its_tags() {
        let events = [
            begun(1),
            sent(0, "x.io/acme/base:src-1"),
            sent(3, "x.io/acme/admin:src-2"),
            published(0, "x.io/acme/base:src-1", &["main", "latest"], Some(0.4)),
            published(1, "x.io/acme/shared:src-3", &["main"], None),
            over(Outcome::Failed, 1.0),
        ];
        assert_eq!(
            said(&events),
            ["pushed acme/base (main, latest) 0.4 s", "tagged acme/shared (main)", "pushed acme/admin 0.4 s"]
        );
    }

    #[test]
    fn of_several_registries_each_is_named() {
        let events = [begun(2), published(0, "x.io:5000/acme/base:src-1", &[], Some(0.4))];
        assert_eq!(said(&events), ["pushed x.io:5000/acme/base 0.4 s"]);
    }

    #[test]
    fn many_that_are_only_tagged_are_counted() {
        let tagged = (0..12).map(|_| published(0, "x.io/acme/base:src-1", &["main"], None));
        let events: Vec<Event> =
            std::iter::once(begun(1)).chain(tagged).chain([over(Outcome::Succeeded, 1.0)]).collect();
        let said = said(&events);
        assert_eq!((said.len(), said.last().map(String::as_str)), (11, Some("tagged 2 images more")));
    }
}
