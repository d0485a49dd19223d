use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressDrawTarget;
use tokio::sync::mpsc;

use super::args::{ColorMode, GlobalArgs, ProgressMode};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use crate::checkout::Snapshot;
use crate::diagnostic::{Diagnostic, Severity};
use crate::execution::{Event, Outcome};
use crate::path::TreePath;
use crate::plan::{Action, Plan};
use crate::report::{
    JsonEvents, Live, Look, Plain, Renderer, Silent, headline, plan_text, render_diagnostics, summary_text,
};

/// How often the live display is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// Standard output and standard error: results go to the one, everything that is said to the other.
pub(super) struct Output {
    progress: ProgressMode,
    result_look: Look,
    message_look: Look,
    quiet: bool,
    root: Option<PathBuf>,
    files: Option<Arc<dyn Snapshot + Send + Sync>>,
}

impl Output {
    /// Decides on colours, widths and the form of progress.
    pub(super) fn new(global: &GlobalArgs, environment: &Environment) -> Self {
        let progress = match global.progress {
            ProgressMode::Auto if global.quiet => ProgressMode::Quiet,
            ProgressMode::Auto if environment.stderr_is_terminal && !environment.is_on("CI") => {
                ProgressMode::Live
            }
            ProgressMode::Auto => ProgressMode::Plain,
            chosen => chosen,
        };
        let look = |is_terminal: bool| Look {
            color: color(global.color, is_terminal, environment),
            width: if is_terminal { environment.columns } else { None },
            verbose: global.verbose > 0,
        };
        Self {
            quiet: global.quiet || progress == ProgressMode::Quiet,
            progress,
            result_look: look(environment.stdout_is_terminal),
            message_look: look(environment.stderr_is_terminal),
            root: None,
            files: None,
        }
    }

    /// From now on diagnostics show excerpts of this checkout's files.
    pub(super) fn use_checkout(&mut self, root: &Path) {
        self.root = Some(root.to_owned());
    }

    /// From now on diagnostics show excerpts of these files, which may be a commit's.
    pub(super) fn use_files(&mut self, files: Arc<dyn Snapshot + Send + Sync>) {
        self.files = Some(files);
    }

    #[expect(clippy::unused_self, reason = "whoever writes has to hold the output")]
    /// Writes a result. A reader that has gone, such as `head`, is no error.
    pub(super) fn result(&self, text: &[u8]) -> Result<ExitCode, CliError> {
        let mut out = io::stdout().lock();
        match out.write_all(text).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(ExitCode::Done),
        }
    }

    /// Writes the plan as a result.
    pub(super) fn plan(&self, plan: &Plan) -> Result<ExitCode, CliError> {
        self.result(plan_text(plan, self.result_look).as_bytes())
    }

    /// Says what was found: errors always, warnings unless quiet, notes if asked for.
    pub(super) fn diagnostics(&self, diagnostics: &[Diagnostic]) {
        let least = match (self.quiet, self.message_look.verbose) {
            (true, _) => Severity::Error,
            (false, true) => Severity::Note,
            (false, false) => Severity::Warning,
        };
        // A note about the checkout as a whole is one line; the others come when they are asked for.
        let is_shown = |diagnostic: &&Diagnostic| {
            diagnostic.severity >= least || (!self.quiet && diagnostic.location.is_none())
        };
        let shown: Vec<Diagnostic> = diagnostics.iter().filter(is_shown).cloned().collect();
        self.say(&render_diagnostics(&shown, &|path| self.source(path), self.message_look));
    }

    /// Shows a run from its first event to its summary, and keeps all events in `events_file`.
    pub(super) async fn show(
        &self,
        plan: &Arc<Plan>,
        mut events: mpsc::Receiver<Event>,
        events_file: Option<&Path>,
    ) -> Result<(), CliError> {
        let mut renderers = vec![self.renderer(plan)];
        if let Some(path) = events_file {
            let file = File::create(path).map_err(|error| {
                CliError::usage(format!("--events: cannot write {}: {error}", path.display()))
            })?;
            renderers.push(Box::new(JsonEvents::new(Arc::clone(plan), Box::new(BufWriter::new(file)))));
        }
        let mut kept = Vec::new();
        let mut frames = tokio::time::interval(FRAME);
        loop {
            tokio::select! {
                biased;
                event = events.recv() => {
                    let Some(event) = event else { break };
                    for renderer in &mut renderers {
                        renderer.event(&event);
                    }
                    if is_for_the_summary(&event) {
                        kept.push(event);
                    }
                }
                _ = frames.tick() => renderers.iter_mut().for_each(|renderer| renderer.tick()),
            }
        }
        drop(renderers);
        self.summary(plan, &kept);
        Ok(())
    }

    /// What a run begins with.
    pub(super) fn head(&self, plan: &Plan) {
        let idle = plan.steps.iter().all(|step| step.action == Action::None);
        match self.progress {
            ProgressMode::Json | ProgressMode::Quiet => {}
            _ if idle => self.say(&headline(plan, self.message_look)),
            _ => self.say(&format!("{}\n", plan_text(plan, self.message_look))),
        }
    }

    fn renderer(&self, plan: &Arc<Plan>) -> Box<dyn Renderer> {
        let plan = Arc::clone(plan);
        match self.progress {
            ProgressMode::Live => {
                Box::new(Live::new(plan, self.message_look, ProgressDrawTarget::stderr_with_hz(10)))
            }
            ProgressMode::Json => Box::new(JsonEvents::new(plan, Box::new(io::stdout()))),
            ProgressMode::Quiet => Box::new(Silent),
            ProgressMode::Plain | ProgressMode::Auto => {
                Box::new(Plain::new(plan, Box::new(io::stderr()), self.message_look))
            }
        }
    }

    fn summary(&self, plan: &Plan, events: &[Event]) {
        let succeeded =
            events.iter().any(|event| matches!(event, Event::Finished { outcome: Outcome::Succeeded, .. }));
        let wanted = match self.progress {
            ProgressMode::Json => false,
            ProgressMode::Quiet => !succeeded,
            _ => true,
        };
        if wanted {
            self.say(&summary_text(plan, events, &|path| self.source(path), self.message_look));
        }
    }

    fn source(&self, path: &TreePath) -> Option<Vec<u8>> {
        match &self.files {
            Some(files) => files.read(path).ok(),
            None => std::fs::read(path.to_os(self.root.as_deref()?)).ok(),
        }
    }

    #[expect(clippy::unused_self, reason = "whoever writes has to hold the output")]
    fn say(&self, text: &str) {
        // Nobody is left to tell if standard error is closed.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// The summary needs how images ended, not every line of their logs.
fn is_for_the_summary(event: &Event) -> bool {
    !matches!(
        event,
        Event::BuildLog { .. }
            | Event::BuildProgress { .. }
            | Event::ContextSent { .. }
            | Event::BuildStarted { .. }
    )
}

fn color(mode: ColorMode, is_terminal: bool, environment: &Environment) -> bool {
    match mode {
        ColorMode::Always => true,
        ColorMode::Never => false,
        ColorMode::Auto if environment.get("NO_COLOR").is_some() => false,
        ColorMode::Auto if environment.is_on("CLICOLOR_FORCE") => true,
        ColorMode::Auto => is_terminal && environment.get("TERM") != Some("dumb"),
    }
}
