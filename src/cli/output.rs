use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::args::{ColorMode, GlobalArgs, ProgressMode};
use super::environment::{Environment, terminal_size};
use super::error::{CliError, ExitCode};
use crate::checkout::Snapshot;
use crate::diagnostic::{Diagnostic, Severity};
use crate::execution::Event;
use crate::path::TreePath;
use crate::plan::Plan;
use crate::report::{
    Charset, JsonEvents, Mode, Renderer, Reporter, TagPosition, Theme, View, diagnostics, plan_text, run_head,
};

/// How often the live display is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// Standard output and standard error: results go to the one, everything that is said to the other.
pub(super) struct Output {
    mode: Mode,
    result_view: View,
    message_view: View,
    quiet: bool,
    root: Option<PathBuf>,
    files: Option<Arc<dyn Snapshot + Send + Sync>>,
    silent: bool,
}

impl Output {
    /// Decides on colours, widths and the form of progress.
    pub(super) fn new(global: &GlobalArgs, environment: &Environment) -> Self {
        let mode = match global.progress {
            ProgressMode::Auto if global.quiet => Mode::Quiet,
            ProgressMode::Auto if environment.stderr_is_terminal && !environment.is_on("CI") => Mode::Live,
            ProgressMode::Auto | ProgressMode::Plain => Mode::Plain,
            ProgressMode::Live => Mode::Live,
            ProgressMode::Json => Mode::Json,
            ProgressMode::Quiet => Mode::Quiet,
        };
        let view = |is_terminal: bool| View {
            theme: Theme::new(color(global.color, is_terminal, environment), charset(environment)),
            size: if is_terminal { environment.terminal } else { None },
            verbose: global.verbose > 0,
        };
        Self {
            quiet: global.quiet || mode == Mode::Quiet,
            mode,
            result_view: view(environment.stdout_is_terminal),
            message_view: view(environment.stderr_is_terminal),
            root: None,
            files: None,
            silent: false,
        }
    }

    /// The same without a word, for what runs behind something else.
    pub(super) fn silent(global: &GlobalArgs, environment: &Environment) -> Self {
        let quiet = GlobalArgs { progress: ProgressMode::Quiet, ..global.clone() };
        Self { silent: true, ..Self::new(&quiet, environment) }
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
        self.result(plan_text(plan, &self.result_view).as_bytes())
    }

    /// Says what was found: errors always, warnings unless quiet, notes if asked for.
    pub(super) fn diagnostics(&self, found: &[Diagnostic]) {
        let least = match (self.quiet, self.message_view.verbose) {
            (true, _) => Severity::Error,
            (false, true) => Severity::Note,
            (false, false) => Severity::Warning,
        };
        // A note about the checkout as a whole is one line; the others come when they are asked for.
        let is_shown = |diagnostic: &&Diagnostic| {
            diagnostic.severity >= least || (!self.quiet && diagnostic.location.is_none())
        };
        let shown: Vec<Diagnostic> = found.iter().filter(is_shown).cloned().collect();
        self.say(&diagnostics(&shown, &self.message_view, &|path| self.source(path)));
    }

    /// What a run begins with.
    pub(super) fn head(&self, plan: &Plan) {
        if !matches!(self.mode, Mode::Json | Mode::Quiet) {
            self.say(&run_head(plan, &self.message_view));
        }
    }

    /// What shows a run of the plan, and keeps all its events in `events_file`.
    pub(super) fn reporter(&self, plan: &Plan, events_file: Option<&Path>) -> Result<Reporter, CliError> {
        let file = events_file.map(|path| (path, File::create(path)));
        self.reporter_into(plan, file)
    }

    /// The same for what follows a run: its events are added to the file.
    pub(super) fn reporter_after(
        &self,
        plan: &Plan,
        events_file: Option<&Path>,
    ) -> Result<Reporter, CliError> {
        let append = |path| (path, File::options().create(true).append(true).open(path));
        self.reporter_into(plan, events_file.map(append))
    }

    fn reporter_into(
        &self,
        plan: &Plan,
        events: Option<(&Path, io::Result<File>)>,
    ) -> Result<Reporter, CliError> {
        let writer: Box<dyn Write + Send> = match self.mode {
            _ if self.silent => Box::new(io::sink()),
            Mode::Json => Box::new(io::stdout()),
            Mode::Live | Mode::Plain | Mode::Quiet => Box::new(io::stderr()),
        };
        let reporter = Reporter::new(self.mode, self.message_view, writer, plan);
        let Some((path, file)) = events else { return Ok(reporter) };
        let file = file.map_err(|error| {
            CliError::usage(format!("--events: cannot write {}: {error}", path.display()))
        })?;
        Ok(reporter.also(Box::new(JsonEvents::new(Box::new(file), plan))))
    }

    /// Says how something ended, unless only errors are wanted.
    pub(super) fn result_line(&self, text: &str) {
        if !self.quiet && self.mode != Mode::Json {
            self.say(&format!("{text}\n"));
        }
    }

    /// Ends what a reporter has shown: a summary, which may name places in files.
    pub(super) fn finish(&self, mut reporter: Reporter, positions: &[TagPosition]) {
        reporter.finish(&|path| self.source(path), positions);
    }

    fn source(&self, path: &TreePath) -> Option<Vec<u8>> {
        match &self.files {
            Some(files) => files.read(path).ok(),
            None => std::fs::read(path.to_os(self.root.as_deref()?)).ok(),
        }
    }

    fn say(&self, text: &str) {
        if self.silent {
            return;
        }
        // Nobody is left to tell if standard error is closed.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Shows a run until its last event.
pub(super) async fn follow(reporter: &mut Reporter, mut events: mpsc::Receiver<Event>) {
    let begun = Instant::now();
    let mut frames = tokio::time::interval(FRAME);
    loop {
        tokio::select! {
            biased;
            event = events.recv() => {
                let Some(event) = event else { break };
                if matches!(event, Event::Finished { .. }) {
                    // The last frame is erased, so its extent on the terminal of now has to be known.
                    adapt(reporter);
                }
                reporter.event(&event);
            }
            _ = frames.tick() => {
                adapt(reporter);
                reporter.tick(begun.elapsed());
            }
        }
    }
}

/// Asking the terminal costs less than a microsecond, and works where there is no signal for it.
fn adapt(reporter: &mut Reporter) {
    if let Some(size) = terminal_size() {
        reporter.resize(size);
    }
}

/// What the locale says. Where it says nothing, as in most containers, logs are UTF-8 all the same. The
/// console of Linux has neither spinners nor ellipses in its font.
fn charset(environment: &Environment) -> Charset {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| environment.get(name));
    let locale = locale.map(str::to_ascii_lowercase);
    let is_utf8 = locale.is_none_or(|locale| locale.contains("utf-8") || locale.contains("utf8"));
    if is_utf8 && environment.get("TERM") != Some("linux") { Charset::Unicode } else { Charset::Ascii }
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
