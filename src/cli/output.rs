use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;

use super::args::{ColorMode, GlobalArgs, ProgressMode};
use super::environment::{Environment, terminal_size};
use super::error::{CliError, ExitCode};
use super::session::start_folder;
use super::settings::{CiOutput, ci_output};
use crate::diagnostic::{Diagnostic, Severity};
use crate::execution::{Event, Outcome};
use crate::git::{Snapshot, read_file, read_on_disk};
use crate::image::ImageReference;
use crate::limits;
use crate::path::TreePath;
use crate::plan::{Affected, Plan};
use crate::report::{
    BaseNews, Charset, CiLog, JobSummary, JsonEvents, Mode, Renderer, Reporter, Since, TagPosition, Theme,
    View, Work, affected_text, annotations, diagnostics, lock_text, plan_text, rebuilt_text, run_head,
    without_commands, without_marks,
};

/// How often the live display is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// Standard output and standard error: results go to the one, everything that is said to the other.
pub(super) struct Output {
    mode: Mode,
    result_view: View,
    message_view: View,
    quiet: bool,
    /// Whether standard output is for a command's result alone.
    keeps_stdout: bool,
    /// Whether the file of events was begun; what follows is added to it.
    events_begun: bool,
    /// Takes everything that would be said, where a program calls and not a person.
    transcript: Option<Transcript>,
    root: Option<PathBuf>,
    files: Option<Arc<dyn Snapshot + Send + Sync>>,
    incomplete: Cell<bool>,
    ci: CiOutput,
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
            keeps_stdout: false,
            events_begun: false,
            transcript: None,
            root: None,
            files: None,
            incomplete: Cell::new(false),
            ci: ci_output(environment, &start_folder(global, environment), now()),
        }
    }

    /// Says errors to nobody but the transcript that it gives too.
    pub(super) fn unheard() -> (Self, Transcript) {
        let transcript = Transcript::default();
        let global = GlobalArgs { progress: ProgressMode::Quiet, ..GlobalArgs::default() };
        let output = Self::new(&global, &Environment::default());
        (Self { transcript: Some(transcript.clone()), ..output }, transcript)
    }

    /// From now on standard output is for the result alone, whatever the form of progress.
    pub(super) fn keep_stdout(&mut self) {
        self.keeps_stdout = true;
    }

    /// Says what is found while others hold this.
    pub(super) fn speaker(&self) -> Speaker {
        Speaker {
            view: self.message_view,
            least: if self.quiet { Severity::Error } else { Severity::Note },
            says_lines: !self.quiet && self.mode != Mode::Json,
            transcript: self.transcript.clone(),
            is_github: self.ci.log == Some(CiLog::GitHub),
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
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let message = format!("cannot write the result: {error}");
                Err(CliError::one(ExitCode::Failed, Diagnostic::error(message)))
            }
            _ => Ok(ExitCode::Done),
        }
    }

    /// Writes a result that is for people.
    pub(super) fn text(&self, text: &str) -> Result<ExitCode, CliError> {
        self.result(self.safe(text).as_bytes())
    }

    /// Writes the plan as a result.
    pub(super) fn plan(&self, plan: &Plan) -> Result<ExitCode, CliError> {
        self.text(&plan_text(plan, &self.result_view))
    }

    /// Writes affected images as a result.
    pub(super) fn affected(&self, affected: &Affected, since: &Since) -> Result<ExitCode, CliError> {
        self.text(&affected_text(affected, since, &self.result_view))
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
        let mut wanted: Vec<&Diagnostic> = found.iter().filter(is_shown).collect();
        let more = wanted.len().saturating_sub(limits::FINDINGS);
        if more > 0 {
            wanted.sort_by_key(|diagnostic| Reverse(diagnostic.severity));
        }
        let shown: Vec<Diagnostic> = wanted.into_iter().take(limits::FINDINGS).cloned().collect();
        let sources = self.sources();
        self.say(&diagnostics(&shown, &self.message_view, &sources));
        if more > 0 {
            self.say(&format!("and {} more\n", thousands(more)));
        }
        self.annotate(&shown);
    }

    /// The files that findings are about. Many that follow each other are about one.
    fn sources(&self) -> impl Fn(&TreePath) -> Option<Vec<u8>> + '_ {
        let last: RefCell<Option<(TreePath, Option<Vec<u8>>)>> = RefCell::new(None);
        move |path| {
            let mut last = last.borrow_mut();
            if last.as_ref().is_none_or(|(read, _)| read != path) {
                *last = Some((path.clone(), self.source(path)));
            }
            last.as_ref().and_then(|(_, source)| source.clone())
        }
    }

    /// Puts findings where a CI system shows them beside the files.
    fn annotate(&self, found: &[Diagnostic]) {
        if self.ci.log == Some(CiLog::GitHub) && self.mode != Mode::Json {
            self.write(&annotations(found, &self.ci.folder, &self.sources()));
        }
    }

    /// Says what `lock` did or found, base by base, and which images that rebuilds.
    pub(super) fn lock(&self, news: &[(ImageReference, BaseNews)], rebuilt: &[String]) {
        if !self.quiet && self.mode != Mode::Json {
            self.say(&lock_text(news, &self.message_view));
            self.say(&rebuilt_text(rebuilt, &self.message_view));
        }
    }

    /// What a run begins with.
    pub(super) fn head(&self, plan: &Plan) {
        if !matches!(self.mode, Mode::Json | Mode::Quiet) {
            self.say(&run_head(plan, &self.message_view));
        }
    }

    /// What shows a run of the plan, and keeps all its events in `events`.
    pub(super) fn reporter(
        &mut self,
        plan: &Plan,
        work: Work,
        events: Option<&Path>,
    ) -> Result<Reporter, CliError> {
        let writer: Box<dyn Write + Send> = match (&self.transcript, self.mode) {
            (Some(transcript), _) => Box::new(transcript.clone()),
            (None, Mode::Json) if !self.keeps_stdout => Box::new(io::stdout()),
            (None, Mode::Json | Mode::Live | Mode::Plain | Mode::Quiet) => Box::new(io::stderr()),
        };
        let reporter = match &self.ci.log {
            Some(log) if self.mode == Mode::Plain => {
                Reporter::grouped(self.message_view, writer, plan, log.clone())
            }
            _ => Reporter::new(self.mode, self.message_view, writer, plan),
        };
        let reporter = if self.mode == Mode::Json { reporter.relied_on("the events") } else { reporter };
        let reporter = match self.job_summary(plan, work) {
            Some(summary) => reporter.also(Box::new(summary)),
            None => reporter,
        };
        let Some(path) = events else { return Ok(reporter) };
        let file =
            if self.events_begun { File::options().append(true).open(path) } else { File::create(path) };
        self.events_begun = true;
        let file = file.map_err(|error| {
            CliError::usage(format!("--events: cannot write {}: {error}", path.display()))
        })?;
        let what = format!("--events {}", path.display());
        Ok(reporter.also(Box::new(JsonEvents::new(Box::new(file), plan))).relied_on(what))
    }

    /// What tells the CI system's job what was done, where it has a place for that.
    fn job_summary(&self, plan: &Plan, work: Work) -> Option<JobSummary> {
        let path = self.ci.summary.as_ref()?;
        match File::options().create(true).append(true).open(path) {
            Ok(file) => {
                let view = View { theme: Theme::new(false, Charset::Unicode), size: None, verbose: false };
                Some(JobSummary::new(view, Box::new(file), plan, work))
            }
            Err(error) => {
                let path = path.display();
                self.diagnostics(&[Diagnostic::warning(format!("no summary of this job: {path}: {error}"))]);
                None
            }
        }
    }

    /// Tells the CI system's job that everything was in the registry.
    pub(super) fn summarise_in_place(&self, plan: &Plan) {
        if let Some(mut summary) = self.job_summary(plan, Work::Publish) {
            summary.event(&Event::Finished { outcome: Outcome::Succeeded, elapsed: Duration::ZERO });
        }
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
        self.annotate(&reporter.failures());
        self.check(&reporter);
    }

    /// Says what programs rely on and was not written.
    pub(super) fn check(&self, reporter: &Reporter) {
        let errors: Vec<Diagnostic> = reporter
            .incomplete()
            .map(|(what, error)| {
                Diagnostic::error(format!("cannot write {what}: {error}"))
                    .hint("what was built is in place; run it again where there is room")
            })
            .collect();
        self.diagnostics(&errors);
        self.incomplete.set(self.incomplete.get() || !errors.is_empty());
    }

    /// Whether something is missing in what programs rely on.
    pub(super) fn is_incomplete(&self) -> bool {
        self.incomplete.get()
    }

    fn source(&self, path: &TreePath) -> Option<Vec<u8>> {
        match &self.files {
            Some(files) => read_file(&**files, path, limits::EXCERPT).ok()?,
            None => read_on_disk(self.root.as_deref()?, path, limits::EXCERPT).ok()?,
        }
    }

    fn say(&self, text: &str) {
        self.write(&self.safe(text));
    }

    /// Text in which no CI system finds a command: not all of them say that they are there.
    fn safe<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.ci.log == Some(CiLog::GitHub) { without_commands(text) } else { without_marks(text) }
    }

    fn write(&self, text: &str) {
        if let Some(transcript) = &self.transcript {
            return transcript.add(text.as_bytes());
        }
        // Nobody is left to tell if standard error is closed.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Says single findings that are about no file, and lines as [`Output::result_line`] does, at any time and from
/// anywhere.
pub(super) struct Speaker {
    view: View,
    least: Severity,
    says_lines: bool,
    transcript: Option<Transcript>,
    is_github: bool,
}

impl Speaker {
    pub(super) fn say(&self, found: &Diagnostic) {
        if found.severity >= self.least {
            self.write(&diagnostics(std::slice::from_ref(found), &self.view, &|_| None));
        }
    }

    pub(super) fn line(&self, text: &str) {
        if self.says_lines {
            self.write(&format!("{text}\n"));
        }
    }

    fn write(&self, text: &str) {
        let text = if self.is_github { without_commands(text) } else { Cow::Borrowed(text) };
        match &self.transcript {
            Some(transcript) => transcript.add(text.as_bytes()),
            // Nobody is left to tell if standard error is closed.
            None => drop(io::stderr().lock().write_all(text.as_bytes())),
        }
    }
}

/// What was said.
#[derive(Clone, Debug, Default)]
pub(super) struct Transcript(Arc<Mutex<Vec<u8>>>);

impl Transcript {
    fn add(&self, text: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(text);
    }

    /// All of it.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).trim_end().to_owned()
    }
}

impl Write for Transcript {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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

/// `99,800`
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
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
