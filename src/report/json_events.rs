use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::json::{SCHEMA, harmless};
use super::output::Output;
use super::renderer::Renderer;
use super::roster::Roster;
use crate::builder::OutputStream;
use crate::execution::{Event, ImageOutcome, Outcome};
use crate::plan::{Plan, StepId};

/// Events as JSON lines, for programs: `{"event":"build-started","image":"acme/shared"}`. The first line has the
/// schema's version. Fields may be added, never renamed.
pub(crate) struct JsonEvents {
    output: Output,
    roster: Roster,
}

impl JsonEvents {
    pub(crate) fn new(writer: Box<dyn Write + Send>, plan: &Plan) -> Self {
        Self { output: Output::new(writer), roster: Roster::new(plan) }
    }

    fn name(&self, image: StepId) -> &str {
        self.roster.name(image)
    }

    fn fields(&self, event: &Event) -> Value {
        match event {
            Event::Started { builds, expected, .. } => {
                let images: Vec<Value> = self
                    .roster
                    .images()
                    .iter()
                    .enumerate()
                    .map(|(at, image)| {
                        let mut fields = json!({"image": image.name, "action": image.action.as_str()});
                        if let Some(took) = expected.get(&StepId(at)) {
                            fields["expected_seconds"] = json!(took.as_secs_f64());
                        }
                        fields
                    })
                    .collect();
                json!({"event": "started", "schema": SCHEMA, "builds": builds, "images": images})
            }
            Event::PullStarted { reference } => json!({"event": "pull-started", "reference": reference}),
            Event::PullFinished { reference, elapsed, error } => json!({
                "event": "pull-finished", "reference": reference, "seconds": elapsed.as_secs_f64(), "error": error,
            }),
            Event::BuildStarted { image, builder: None } => {
                json!({"event": "build-started", "image": self.name(*image)})
            }
            Event::BuildStarted { image, builder } => {
                json!({"event": "build-started", "image": self.name(*image), "builder": builder})
            }
            Event::BuildProgress { image, step } => json!({
                "event": "build-progress", "image": self.name(*image), "step": step.id, "name": step.name,
                "position": step.position.map(|(at, of)| json!([at, of])),
                "completed": step.completed, "cached": step.cached,
                "bytes": step.bytes.map(|(bytes, _)| bytes),
                "bytes_total": step.bytes.and_then(|(_, total)| total),
            }),
            Event::BuildLog { image, step, stream, line } => json!({
                "event": "build-log", "image": self.name(*image), "step": step,
                "stream": match stream { OutputStream::Out => "out", OutputStream::Err => "err" }, "line": line,
            }),
            Event::ContextSent { image, bytes } => {
                json!({"event": "context-sent", "image": self.name(*image), "bytes": bytes})
            }
            Event::ImageFinished { image, outcome, elapsed } => {
                let mut fields = json!({
                    "event": "image-finished", "image": self.name(*image), "seconds": elapsed.as_secs_f64(),
                });
                self.outcome(outcome, &mut fields);
                fields
            }
            Event::PublishingStarted { registries, pushes } => {
                json!({"event": "publishing-started", "schema": SCHEMA, "registries": registries, "pushes": pushes})
            }
            Event::Published { image, reference, tags, elapsed } => json!({
                "event": "published", "image": self.name(*image), "reference": reference, "tags": tags,
                "seconds": elapsed.map(|elapsed| elapsed.as_secs_f64()),
            }),
            Event::PushStarted { image, reference } => {
                json!({"event": "push-started", "image": self.name(*image), "reference": reference})
            }
            Event::PushProgress { image, reference, bytes, all } => json!({
                "event": "push-progress", "image": self.name(*image), "reference": reference, "bytes": bytes,
                "total": all,
            }),
            Event::PushFinished { image, reference, elapsed, error } => json!({
                "event": "push-finished", "image": self.name(*image), "reference": reference,
                "seconds": elapsed.as_secs_f64(), "error": error,
            }),
            Event::Tagged { image, reference, moves } => {
                json!({"event": "tagged", "image": self.name(*image), "reference": reference, "moves": moves})
            }
            Event::TagFailed { image, reference, error } => {
                json!({"event": "tag-failed", "image": self.name(*image), "reference": reference, "error": error})
            }
            Event::TagsHeld { reason } => json!({"event": "tags-held", "reason": reason}),
            Event::Superseded { references, bytes } => {
                json!({"event": "superseded", "references": references, "bytes": bytes})
            }
            Event::Notice { text } => json!({"event": "notice", "text": text}),
            Event::Interrupted => json!({"event": "interrupted"}),
            Event::Finished { outcome, elapsed } => json!({
                "event": "finished",
                "outcome": match outcome {
                    Outcome::Succeeded => "succeeded",
                    Outcome::Failed => "failed",
                    Outcome::Interrupted => "interrupted",
                },
                "seconds": elapsed.as_secs_f64(),
            }),
        }
    }

    fn outcome(&self, outcome: &ImageOutcome, fields: &mut Value) {
        let Some(fields) = fields.as_object_mut() else { return };
        let mut set = |name: &str, value: Value| drop(Map::insert(fields, name.to_owned(), value));
        let word = match outcome {
            ImageOutcome::Built => "built",
            ImageOutcome::Reused => "reused",
            ImageOutcome::Failed { .. } => "failed",
            ImageOutcome::DependencyFailed { .. } => "dependency-failed",
            ImageOutcome::Cancelled => "cancelled",
            ImageOutcome::Blocked => "blocked",
        };
        set("outcome", json!(word));
        match outcome {
            ImageOutcome::Failed { message, line, log, hint } => {
                set("message", json!(message));
                set("line", json!(line));
                set("log", json!(log));
                set("hint", json!(hint));
            }
            ImageOutcome::DependencyFailed { dependency } => set("dependency", json!(self.name(*dependency))),
            _ => {}
        }
    }
}

impl Renderer for JsonEvents {
    fn event(&mut self, event: &Event) {
        let line = format!("{}\n", harmless(&self.fields(event).to_string()));
        self.output.write(&line);
    }

    fn error(&self) -> Option<&io::Error> {
        self.output.error()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::report::testing::run::{failing_run, good_run, log, publishing_run};
    use crate::report::testing::{Capture, feed, shop};

    fn play(events: &[Event]) -> String {
        let capture = Capture::default();
        let mut renderer = JsonEvents::new(capture.boxed(), &shop());
        feed(&mut renderer, events);
        capture.take()
    }

    #[test]
    fn a_line_an_event() {
        assert_data_eq!(play(&failing_run()), str![[r#"
{"event":"started","schema":1,"builds":2,"images":[{"image":"acme/base","action":"tag"},{"image":"acme/shared","action":"build"},{"image":"acme/service1","action":"build"},{"image":"acme/admin","action":"tag"}]}
{"event":"image-finished","image":"acme/base","seconds":0.0,"outcome":"reused"}
{"event":"image-finished","image":"acme/admin","seconds":0.0,"outcome":"reused"}
{"event":"pull-started","reference":"busybox:latest"}
{"event":"pull-finished","reference":"busybox:latest","seconds":1.2,"error":null}
{"event":"build-started","image":"acme/shared"}
{"event":"build-progress","image":"acme/shared","step":1,"name":"[internal] load build context","position":null,"completed":false,"cached":false,"bytes":null,"bytes_total":null}
{"event":"context-sent","image":"acme/shared","bytes":1500000}
{"event":"build-progress","image":"acme/shared","step":1,"name":"[internal] load build context","position":null,"completed":true,"cached":false,"bytes":null,"bytes_total":null}
{"event":"build-progress","image":"acme/shared","step":2,"name":"[1/2] FROM docker.io/library/busybox:latest","position":[1,2],"completed":true,"cached":true,"bytes":null,"bytes_total":null}
{"event":"build-progress","image":"acme/shared","step":3,"name":"[2/2] RUN make","position":[2,2],"completed":false,"cached":false,"bytes":null,"bytes_total":null}
{"event":"build-progress","image":"acme/shared","step":3,"name":"[2/2] RUN make","position":[2,2],"completed":false,"cached":false,"bytes":null,"bytes_total":null}
{"event":"build-log","image":"acme/shared","step":3,"stream":"out","line":"cc -c \u001b[1mmain.c\u001b[0m"}
{"event":"build-log","image":"acme/shared","step":3,"stream":"out","line":""}
{"event":"build-log","image":"acme/shared","step":3,"stream":"out","line":" 10%\r100%\r"}
{"event":"build-log","image":"acme/shared","step":3,"stream":"out","line":"\u001b]0;owned\u0007main.c:3: error \u009b31m"}
{"event":"notice","text":"`base:1.0` already names another key\nand stays"}
{"event":"image-finished","image":"acme/shared","seconds":4.2,"outcome":"failed","message":"process \"/bin/sh -c make\" did not complete successfully: exit code: 2","line":3,"log":["cc -c \u001b[1mmain.c\u001b[0m"," 10%\r100%\r","main.c:3: error: expected ';'\u0007","make: *** [all] Error 1",""],"hint":"run it alone with `-e shared`"}
{"event":"image-finished","image":"acme/service1","seconds":0.0,"outcome":"dependency-failed","dependency":"acme/shared"}
{"event":"superseded","references":["acme/admin:src-1234567890abcdef"],"bytes":6200000000}
{"event":"finished","outcome":"failed","seconds":6.1}

"#]].raw());
        let good = play(&good_run());
        let last: Vec<&str> = good.lines().rev().take(2).collect();
        assert_data_eq!(
            last.join("\n"),
            str![[r#"
{"event":"finished","outcome":"succeeded","seconds":6.1}
{"event":"tagged","image":"acme/admin","reference":"acme/admin:feature-login","moves":true}
"#]]
            .raw()
        );
    }

    #[test]
    fn pushes_and_tags() {
        assert_data_eq!(play(&publishing_run()), str![[r#"
{"event":"publishing-started","schema":1,"registries":1,"pushes":3}
{"event":"push-started","image":"acme/base","reference":"hub.acme.com/acme/base:src-1"}
{"event":"push-started","image":"acme/admin","reference":"hub.acme.com/acme/admin:src-2"}
{"event":"push-progress","image":"acme/base","reference":"hub.acme.com/acme/base:src-1","bytes":12300000,"total":30000000}
{"event":"push-finished","image":"acme/admin","reference":"hub.acme.com/acme/admin:src-2","seconds":0.3,"error":"denied\u0007"}
{"event":"push-finished","image":"acme/base","reference":"hub.acme.com/acme/base:src-1","seconds":1.5,"error":null}
{"event":"published","image":"acme/base","reference":"hub.acme.com/acme/base:src-1","tags":["main","v1\u0007"],"seconds":1.5}
{"event":"tag-failed","image":"acme/base","reference":"hub.acme.com/acme/base:main","error":"too many\nrequests"}
{"event":"tags-held","reason":"acme/base:src-1 is gone"}
{"event":"finished","outcome":"failed","seconds":2.0}

"#]].raw());
    }

    proptest! {
        #[test]
        fn any_text_comes_back_as_it_was(line in any::<String>()) {
            let written = play(&[log(1, 2, &line)]);
            prop_assert_eq!(written.lines().count(), 1);
            prop_assert!(!written.trim_end_matches('\n').chars().any(char::is_control), "{}", written);
            let read: serde_json::Value = serde_json::from_str(&written).expect("valid JSON");
            prop_assert_eq!(read["line"].as_str(), Some(line.as_str()));
        }
    }
}
