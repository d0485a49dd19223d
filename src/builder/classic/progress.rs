use serde::Deserialize;

use crate::builder::lines::{LineBuffer, Tail};
use crate::builder::{BuildEvent, OutputStream, StepState};

/// One message of the classic builder.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Message {
    /// Output, of the builder itself and of the steps.
    #[serde(default)]
    stream: Option<String>,
    /// Why the build failed.
    #[serde(default)]
    pub(super) error: Option<String>,
    /// What the build gave.
    #[serde(default)]
    aux: Option<Aux>,
}

#[derive(Debug, Deserialize)]
struct Aux {
    #[serde(rename = "ID", default)]
    id: Option<String>,
}

/// Turns the builder's text into events. Steps follow one another; what is not the builder's own is output of
/// the current one.
#[derive(Default)]
pub(super) struct Progress {
    current: Option<StepState>,
    next: usize,
    out: LineBuffer,
    err: LineBuffer,
    tail: Tail,
    image: Option<String>,
}

/// The builder puts standard error between these.
const RED: &str = "\u{1b}[91m";
const PLAIN: &str = "\u{1b}[0m";

impl Progress {
    pub(super) fn apply(&mut self, message: Message) -> Vec<BuildEvent> {
        let mut events = Vec::new();
        if let Some(id) = message.aux.and_then(|aux| aux.id) {
            self.image = Some(id);
        }
        if let Some(text) = &message.stream {
            self.text(text, &mut events);
        }
        if let (Some(error), Some(step)) = (&message.error, &mut self.current) {
            step.error = Some(error.clone());
        }
        if message.error.is_some() {
            self.end_step(&mut events);
        }
        events
    }

    /// What is left when nothing comes any more.
    pub(super) fn finish(&mut self) -> Vec<BuildEvent> {
        let mut events = Vec::new();
        self.end_step(&mut events);
        events
    }

    /// The image, as soon as it is known.
    pub(super) fn image(&mut self) -> Option<String> {
        self.image.take()
    }

    /// The end of the last step's output.
    pub(super) fn failure_log(&mut self) -> Vec<String> {
        self.tail.take()
    }

    fn text(&mut self, text: &str, events: &mut Vec<BuildEvent>) {
        if let Some((position, name)) = step(text) {
            self.end_step(events);
            let name = name.to_owned();
            let step = StepState { id: self.next, name, position: Some(position), ..StepState::default() };
            self.next += 1;
            self.tail = Tail::default();
            events.push(BuildEvent::Step(step.clone()));
            self.current = Some(step);
            return;
        }
        let note = text.trim();
        if note.contains("Using cache")
            && (note.starts_with("---> ") || note.starts_with("--> "))
            && let Some(step) = &mut self.current
        {
            step.cached = true;
            return;
        }
        let own = [
            "---> ",
            "--> ",
            "Removing intermediate container ",
            "Successfully built ",
            "Successfully tagged ",
        ];
        if own.iter().any(|own| note.starts_with(own)) {
            return;
        }
        let (stream, buffer) = if text.starts_with(RED) {
            (OutputStream::Err, &mut self.err)
        } else {
            (OutputStream::Out, &mut self.out)
        };
        let text = text.strip_prefix(RED).map_or(text, |text| text.strip_suffix(PLAIN).unwrap_or(text));
        let lines = buffer.push(text.replace(PLAIN, "").as_bytes());
        self.log(stream, lines, events);
    }

    fn log(
        &mut self,
        stream: OutputStream,
        lines: impl IntoIterator<Item = String>,
        events: &mut Vec<BuildEvent>,
    ) {
        let Some(step) = self.current.as_ref().map(|step| step.id) else { return };
        for line in lines {
            self.tail.push(line.clone());
            events.push(BuildEvent::Log { step, stream, line });
        }
    }

    fn end_step(&mut self, events: &mut Vec<BuildEvent>) {
        let rests = [(OutputStream::Out, self.out.finish()), (OutputStream::Err, self.err.finish())];
        for (stream, rest) in rests {
            self.log(stream, rest, events);
        }
        if let Some(mut step) = self.current.take() {
            step.completed = true;
            events.push(BuildEvent::Step(step));
        }
    }
}

/// `Step 2/5 : RUN make` of Docker, `STEP 2/5: RUN make` of Podman.
fn step(text: &str) -> Option<((usize, usize), &str)> {
    let rest = text.strip_prefix("Step ").or_else(|| text.strip_prefix("STEP "))?;
    let (position, name) = rest.split_once(':')?;
    let (step, steps) = position.trim().split_once('/')?;
    Some(((step.parse().ok()?, steps.parse().ok()?), name.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(messages: &[&str]) -> (Vec<String>, Progress) {
        let mut progress = Progress::default();
        let mut events = Vec::new();
        for message in messages {
            events.extend(progress.apply(serde_json::from_str(message).expect("a message")));
        }
        events.extend(progress.finish());
        let show = |event: &BuildEvent| match event {
            BuildEvent::Step(step) => format!(
                "{} {}{}{}{}",
                step.id,
                step.name,
                if step.completed { " done" } else { "" },
                if step.cached { " cached" } else { "" },
                step.error.as_ref().map(|error| format!(" {error}")).unwrap_or_default(),
            ),
            BuildEvent::Log { stream, line, .. } => format!("{stream:?} {line}"),
            other => format!("{other:?}"),
        };
        (events.iter().map(show).collect(), progress)
    }

    #[test]
    fn docker() {
        let (events, mut progress) = shown(&[
            r#"{"stream":"Step 1/3 : FROM a"}"#,
            r#"{"stream":"\n"}"#,
            r#"{"stream":" ---\u003e 3b6d\n"}"#,
            r#"{"stream":"Step 2/3 : RUN x"}"#,
            r#"{"stream":"\n"}"#,
            r#"{"stream":" ---\u003e Using cache\n"}"#,
            r#"{"stream":"Step 3/3 : RUN y"}"#,
            r#"{"stream":" ---\u003e Running in 17\n"}"#,
            r#"{"stream":"ha"}"#,
            r#"{"stream":"lf\n"}"#,
            r#"{"stream":"\u001b[91moops\n\u001b[0m"}"#,
            r#"{"stream":"Removing intermediate container 17\n"}"#,
            r#"{"aux":{"ID":"sha256:1"}}"#,
            r#"{"stream":"Successfully built 1\n"}"#,
        ]);
        let expected = [
            "0 FROM a",
            "Out ",
            "0 FROM a done",
            "1 RUN x",
            "Out ",
            "1 RUN x done cached",
            "2 RUN y",
            "Out half",
            "Err oops",
            "2 RUN y done",
        ];
        assert_eq!(events, expected);
        assert_eq!(progress.image().as_deref(), Some("sha256:1"));
    }

    #[test]
    fn podman_and_failure() {
        let (events, mut progress) = shown(&[
            r#"{"stream":"STEP 1/2: FROM a\n"}"#,
            r#"{"stream":"STEP 2/2: RUN x\n"}"#,
            r#"{"stream":"last words"}"#,
            r#"{"error":"it failed","errorDetail":{"message":"it failed"}}"#,
        ]);
        assert_eq!(
            events,
            ["0 FROM a", "0 FROM a done", "1 RUN x", "Out last words", "1 RUN x done it failed"]
        );
        assert_eq!(progress.failure_log(), ["last words"]);
    }
}
