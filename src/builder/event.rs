/// What a build reports while it runs. Text of the engine is as it came: renderers escape it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildEvent {
    /// A step began, went on or ended; the latest one counts.
    Step(StepState),
    /// A line of output.
    Log {
        /// [`StepState::id`] of the step.
        step: usize,
        /// Where it was written to.
        stream: OutputStream,
        /// The line without its end.
        line: String,
    },
    /// Bytes of the context that were sent so far.
    Sent {
        /// In total.
        bytes: u64,
    },
    /// Something that the builder finds wrong without failing.
    Warning {
        /// In one line.
        message: String,
        /// More of it.
        detail: Vec<String>,
        /// Where to read about it.
        url: Option<String>,
        /// The line of the Dockerfile, from 1.
        line: Option<usize>,
    },
}

/// How far a step (a vertex, as `BuildKit` says) is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepState {
    /// A number for it, unique within the build, from 0 without gaps.
    pub id: usize,
    /// As the builder names it: `[builder 2/5] RUN make`.
    pub name: String,
    /// Which of how many of its stage, where the builder says so.
    pub position: Option<(usize, usize)>,
    /// Whether it is over.
    pub completed: bool,
    /// Whether its result was there already. May come after `completed`.
    pub cached: bool,
    /// Why it failed.
    pub error: Option<String>,
    /// Bytes so far and in total, where the builder counts them.
    pub bytes: Option<(u64, Option<u64>)>,
}

/// Where a line of output was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}
