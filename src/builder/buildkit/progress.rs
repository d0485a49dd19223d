use std::collections::{BTreeMap, HashMap};

use bollard_buildkit_proto::moby::buildkit::v1::{
    StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning,
};

use crate::builder::lines::{LineBuffer, Tail};
use crate::builder::{BuildEvent, OutputStream, StepState};

/// Turns status messages of `BuildKit` into events. A vertex is keyed by its digest, is repeated with every
/// change, and may be said to be cached only after it is completed.
#[derive(Default)]
pub(super) struct Progress {
    steps: HashMap<String, Step>,
    visible: usize,
    /// The digest of the step that failed.
    failed: Option<String>,
}

#[derive(Default)]
struct Step {
    state: StepState,
    /// Whether it has a number and is reported.
    visible: bool,
    reported: Option<StepState>,
    out: LineBuffer,
    err: LineBuffer,
    tail: Tail,
    /// Bytes and total of each of its parts.
    parts: BTreeMap<String, (u64, u64)>,
}

impl Progress {
    pub(super) fn apply(&mut self, message: StatusResponse) -> Vec<BuildEvent> {
        let mut events = Vec::new();
        let mut touched = Vec::new();
        let mut ended = Vec::new();
        for vertex in message.vertexes {
            if vertex.completed.is_some() {
                ended.push(vertex.digest.clone());
            }
            touched.push(vertex.digest.clone());
            self.vertex(vertex);
        }
        for status in message.statuses {
            touched.push(status.vertex.clone());
            self.status(status);
        }
        // A step is announced before its output, and its output comes before its end.
        self.report(touched.iter().filter(|digest| !ended.contains(digest)), &mut events);
        for log in message.logs {
            self.log(&log, &mut events);
        }
        for digest in &ended {
            self.flush(digest, &mut events);
        }
        self.report(ended.iter(), &mut events);
        events.extend(message.warnings.iter().map(warning));
        events
    }

    /// Lines without an end, when nothing comes any more.
    pub(super) fn finish(&mut self) -> Vec<BuildEvent> {
        let mut events = Vec::new();
        let digests: Vec<String> = self.steps.keys().cloned().collect();
        for digest in digests {
            self.flush(&digest, &mut events);
        }
        events
    }

    pub(super) fn failed_step(&self) -> Option<&str> {
        let step = self.failed.as_ref().and_then(|digest| self.steps.get(digest));
        step.map(|step| step.state.name.as_str())
    }

    /// What failed although the build did not: caches that cannot be read or written.
    pub(super) fn setbacks(&self) -> Vec<BuildEvent> {
        let mut failed: Vec<&StepState> =
            self.steps.values().map(|step| &step.state).filter(|state| state.error.is_some()).collect();
        failed.sort_by_key(|state| state.id);
        let setback = |state: &StepState| BuildEvent::Warning {
            message: format!("{}: {}", state.name, state.error.as_deref().unwrap_or_default()),
            detail: Vec::new(),
            url: None,
            line: None,
        };
        failed.into_iter().map(setback).collect()
    }

    /// The end of the failed step's output.
    pub(super) fn failure_log(&mut self) -> Vec<String> {
        let step = self.failed.as_ref().and_then(|digest| self.steps.get_mut(digest));
        step.map(|step| step.tail.take()).unwrap_or_default()
    }

    fn vertex(&mut self, vertex: Vertex) {
        let step = self.steps.entry(vertex.digest.clone()).or_default();
        // Steps of the builder itself (reading the Dockerfile, finding images) say nothing to the user unless
        // they fail; and one that has not begun may never do.
        let failed = !vertex.error.is_empty();
        let begun = vertex.started.is_some() || vertex.cached || failed;
        if !step.visible && begun && (failed || !vertex.name.starts_with("[internal]")) {
            step.visible = true;
            step.state.id = self.visible;
            self.visible += 1;
        }
        step.state.position = position(&vertex.name);
        step.state.name = vertex.name;
        step.state.completed = vertex.completed.is_some();
        step.state.cached |= vertex.cached;
        if failed {
            // Steps that were stopped because of another one's failure are not the failure.
            if !vertex.error.ends_with("context canceled") || self.failed.is_none() {
                self.failed = Some(vertex.digest);
            }
            step.state.error = Some(vertex.error);
        }
    }

    fn status(&mut self, status: VertexStatus) {
        let Some(step) = self.steps.get_mut(&status.vertex) else { return };
        let number = |number: i64| u64::try_from(number).unwrap_or(0);
        let (current, total) = (number(status.current), number(status.total));
        if current == 0 && total == 0 {
            return;
        }
        step.parts.insert(status.id, (current, total));
        let sum = step.parts.values().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        let all_known = step.parts.values().all(|part| part.1 > 0);
        step.state.bytes = Some((sum.0, all_known.then_some(sum.1)));
    }

    fn log(&mut self, log: &VertexLog, events: &mut Vec<BuildEvent>) {
        let Some(step) = self.steps.get_mut(&log.vertex) else { return };
        let (buffer, stream) = match log.stream {
            2 => (&mut step.err, OutputStream::Err),
            _ => (&mut step.out, OutputStream::Out),
        };
        for line in buffer.push(&log.msg) {
            step.tail.push(line.clone());
            if step.visible {
                events.push(BuildEvent::Log { step: step.state.id, stream, line });
            }
        }
    }

    fn flush(&mut self, digest: &str, events: &mut Vec<BuildEvent>) {
        let Some(step) = self.steps.get_mut(digest) else { return };
        let rests = [(step.out.finish(), OutputStream::Out), (step.err.finish(), OutputStream::Err)];
        for (line, stream) in rests.into_iter().filter_map(|(line, stream)| Some((line?, stream))) {
            step.tail.push(line.clone());
            if step.visible {
                events.push(BuildEvent::Log { step: step.state.id, stream, line });
            }
        }
    }

    fn report<'a>(&mut self, digests: impl Iterator<Item = &'a String>, events: &mut Vec<BuildEvent>) {
        for digest in digests {
            let Some(step) = self.steps.get_mut(digest) else { continue };
            if step.visible && step.reported.as_ref() != Some(&step.state) {
                step.reported = Some(step.state.clone());
                events.push(BuildEvent::Step(step.state.clone()));
            }
        }
    }
}

/// `[builder 2/5] RUN make` is the second of five.
fn position(name: &str) -> Option<(usize, usize)> {
    let (label, _) = name.strip_prefix('[')?.split_once(']')?;
    let (step, steps) = label.rsplit(' ').next()?.split_once('/')?;
    Some((step.parse().ok()?, steps.parse().ok()?))
}

fn warning(warning: &VertexWarning) -> BuildEvent {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let start = warning.ranges.first().and_then(|range| range.start.as_ref());
    BuildEvent::Warning {
        message: text(&warning.short),
        detail: warning.detail.iter().map(text).collect(),
        url: Some(warning.url.clone()).filter(|url| !url.is_empty()),
        line: start.and_then(|start| usize::try_from(start.line).ok()).filter(|line| *line > 0),
    }
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::google::protobuf::Timestamp;

    use super::*;

    fn vertex(digest: &str, name: &str) -> Vertex {
        Vertex { digest: digest.into(), name: name.into(), started: Some(now()), ..Vertex::default() }
    }

    fn now() -> Timestamp {
        Timestamp { seconds: 1, nanos: 0 }
    }

    fn log(vertex: &str, stream: i64, text: &str) -> VertexLog {
        VertexLog { vertex: vertex.into(), stream, msg: text.as_bytes().to_vec(), timestamp: None }
    }

    fn shown(events: &[BuildEvent]) -> Vec<String> {
        let show = |event: &BuildEvent| match event {
            BuildEvent::Step(step) => format!(
                "{} {}{}{}",
                step.id,
                step.name,
                if step.completed { " done" } else { "" },
                if step.cached { " cached" } else { "" }
            ),
            BuildEvent::Log { step, line, .. } => format!("{step}> {line}"),
            other => format!("{other:?}"),
        };
        events.iter().map(show).collect()
    }

    #[test]
    fn follows_a_step() {
        let mut progress = Progress::default();
        let hidden = vertex("i", "[internal] load metadata");
        let waiting = Vertex { started: None, ..vertex("b", "[2/2] RUN b") };
        let message = StatusResponse {
            vertexes: vec![hidden, vertex("a", "[1/2] RUN a"), waiting],
            ..Default::default()
        };
        assert_eq!(shown(&progress.apply(message.clone())), ["0 [1/2] RUN a"]);
        assert_eq!(shown(&progress.apply(message)), Vec::<String>::new(), "nothing is new");
        let logs = vec![log("a", 1, "on"), log("a", 2, "warn\n"), log("a", 1, "e\ntw")];
        let events = progress.apply(StatusResponse { logs, ..Default::default() });
        assert_eq!(shown(&events), ["0> warn", "0> one"]);
        let done = Vertex { completed: Some(now()), ..vertex("a", "[1/2] RUN a") };
        let logs = vec![log("a", 1, "o")];
        let events =
            progress.apply(StatusResponse { vertexes: vec![done.clone()], logs, ..Default::default() });
        assert_eq!(shown(&events), ["0> two", "0 [1/2] RUN a done"]);
        let cached = Vertex { cached: true, ..done };
        let cached_b = Vertex { cached: true, completed: Some(now()), ..vertex("b", "[2/2] RUN b") };
        let events =
            progress.apply(StatusResponse { vertexes: vec![cached, cached_b], ..Default::default() });
        assert_eq!(shown(&events), ["0 [1/2] RUN a done cached", "1 [2/2] RUN b done cached"]);
    }

    #[test]
    fn the_failed_step_is_the_one_that_was_not_stopped() {
        let mut progress = Progress::default();
        let stopped = Vertex {
            error: "failed to run: context canceled".into(),
            completed: Some(now()),
            ..vertex("a", "[x 1/1] RUN a")
        };
        let failed = Vertex { error: "exit code: 1".into(), completed: Some(now()), ..vertex("b", "RUN b") };
        for vertexes in [vec![stopped.clone(), failed.clone()], vec![failed, stopped]] {
            let logs = vec![log("a", 1, "a\n"), log("b", 2, "b\nlast")];
            let events = progress.apply(StatusResponse { vertexes, logs, ..Default::default() });
            assert_eq!(events.len(), 5, "{events:?}");
            assert_eq!(progress.failure_log(), ["b", "last"]);
            progress = Progress::default();
        }
    }

    #[test]
    fn unfinished_lines_come_at_the_end() {
        let mut progress = Progress::default();
        let logs = vec![log("a", 1, "half")];
        progress.apply(StatusResponse { vertexes: vec![vertex("a", "RUN")], logs, ..Default::default() });
        assert_eq!(shown(&progress.finish()), ["0> half"]);
    }

    #[test]
    fn bytes_of_parts_add_up() {
        let mut progress = Progress::default();
        let status = |id: &str, current, total| VertexStatus {
            id: id.into(),
            vertex: "a".into(),
            current,
            total,
            ..VertexStatus::default()
        };
        let statuses = vec![status("x", 5, 10), status("y", 1, 2), status("z", 0, 0)];
        let message =
            StatusResponse { vertexes: vec![vertex("a", "FROM b")], statuses, ..Default::default() };
        let events = progress.apply(message);
        assert!(
            matches!(&events[..], [BuildEvent::Step(StepState { bytes: Some((6, Some(12))), .. })]),
            "{events:?}"
        );
        let events =
            progress.apply(StatusResponse { statuses: vec![status("w", 4, 0)], ..Default::default() });
        assert!(
            matches!(&events[..], [BuildEvent::Step(StepState { bytes: Some((10, None)), .. })]),
            "{events:?}"
        );
    }

    #[test]
    fn positions() {
        for (name, expected) in [
            ("[2/5] RUN x", Some((2, 5))),
            ("[builder 1/3] FROM a", Some((1, 3))),
            ("[linux/amd64 builder 10/12] RUN [x 1/2]", Some((10, 12))),
            ("exporting to image", None),
            ("[internal] load", None),
        ] {
            assert_eq!(position(name), expected, "{name}");
        }
    }
}
