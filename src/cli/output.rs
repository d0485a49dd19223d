use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::args::{ColorMode, GlobalArgs, ProgressMode};
use super::ci_output::{CiOutput, ci_output};
use super::environment::{Environment, terminal_size};
use super::waiting;
use crate::diagnostic::{Diagnostic, Severity};
use crate::execution::{Event, Outcome};
use crate::git::{read_file, read_on_disk};
use crate::limits;
use crate::ops::{self, Audience, Ending, Error, History, Locked, News, Said, Since, TagPosition, Work};
use crate::path::TreePath;
use crate::plan::{Affected, Plan};
use crate::printable::printable;
use crate::report::{
    Charset, CiLog, JobSummary, JsonEvents, RenderMode, Renderer, Reporter, Theme, View, affected_text,
    annotations, diagnostics, digest, history_text, lock_text, lock_total, news_text, plan_text,
    rebuilt_text, run_head, without_commands, without_marks,
};

/// Standard output and standard error: results go to the one, everything that is said to the other.
pub(super) struct Output {
    mode: RenderMode,
    result_view: View,
    message_view: View,
    quiet: bool,
    /// Whether standard output is for a command's result alone.
    keeps_stdout: bool,
    /// Where all events are kept.
    events: Option<PathBuf>,
    /// Whether the file of events was begun; what follows is added to it.
    events_begun: bool,
    /// What shows the run that is under way.
    reporter: Option<Reporter>,
    /// What that run does.
    work: Work,
    root: Option<PathBuf>,
    files: Option<ops::Files>,
    incomplete: Cell<bool>,
    ci: CiOutput,
}

impl Output {
    /// Decides on colours, widths and the form of progress.
    pub(super) fn new(global: &GlobalArgs, environment: &Environment) -> Self {
        let mode = match global.progress {
            ProgressMode::Auto if global.quiet => RenderMode::Quiet,
            ProgressMode::Auto if can_be_redrawn(environment) => RenderMode::Live,
            ProgressMode::Auto | ProgressMode::Plain => RenderMode::Plain,
            ProgressMode::Live => RenderMode::Live,
            ProgressMode::Json => RenderMode::Json,
            ProgressMode::Quiet => RenderMode::Quiet,
        };
        let view = |is_terminal: bool| View {
            theme: Theme::new(color(global.color, is_terminal, environment), charset(environment)),
            size: if is_terminal { environment.terminal } else { None },
            verbose: global.verbose > 0,
        };
        Self {
            quiet: global.quiet || mode == RenderMode::Quiet,
            mode,
            result_view: view(environment.stdout_is_terminal),
            message_view: view(environment.stderr_is_terminal),
            keeps_stdout: false,
            events: None,
            events_begun: false,
            reporter: None,
            work: Work::Build,
            root: None,
            files: None,
            incomplete: Cell::new(false),
            ci: ci_output(environment, &global.folder(environment), now()),
        }
    }

    /// Something is shown where nothing else is soon.
    pub(super) fn waits(&self) {
        if self.mode == RenderMode::Live && self.message_view.size.is_some() {
            let text =
                if self.message_view.theme.decorated("…") == "…" { "reading …" } else { "reading ..." };
            waiting::begin(text);
        }
    }

    /// From now on standard output is for the result alone, whatever the form of progress.
    pub(super) fn keep_stdout(&mut self) {
        self.keeps_stdout = true;
    }

    /// From now on all events of runs are kept in this file.
    pub(super) fn keep_events(&mut self, file: Option<PathBuf>) {
        self.events = file;
    }

    /// From now on diagnostics show excerpts of this checkout's files.
    pub(super) fn use_checkout(&mut self, root: &Path) {
        self.root = Some(root.to_owned());
    }

    #[expect(clippy::unused_self, reason = "whoever writes has to hold the output")]
    /// Writes a result. A reader that has gone, such as `head`, is no error.
    pub(super) fn result(&self, text: &[u8]) -> Result<(), Error> {
        waiting::end();
        let mut out = io::stdout().lock();
        match out.write_all(text).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let message = format!("cannot write the result: {error}");
                Err(Error::one(Ending::Failed, Diagnostic::error(message)))
            }
            _ => Ok(()),
        }
    }

    /// Writes a result that is for people.
    pub(super) fn text(&self, text: &str) -> Result<(), Error> {
        let text = self.result_view.theme.decorated(text);
        self.result(self.safe(&text).as_bytes())
    }

    /// Writes the plan as a result.
    pub(super) fn plan(&self, plan: &Plan) -> Result<(), Error> {
        self.text(&plan_text(plan, &self.result_view))
    }

    /// Writes affected images as a result.
    pub(super) fn affected(&self, affected: &Affected, since: &Since) -> Result<(), Error> {
        self.text(&affected_text(affected, since, &self.result_view))
    }

    /// Writes what commits needed as a result.
    pub(super) fn history(&self, history: &History) -> Result<(), Error> {
        self.text(&history_text(history, &self.result_view))
    }

    /// Says what was found: errors always, with their places; of warnings, unless quiet, and of notes about the checkout
    /// as a whole a few lines; all with their places if asked for.
    pub(super) fn diagnostics(&self, found: &[Diagnostic]) {
        let is_verbose = self.message_view.verbose && !self.quiet;
        let (drawn, told): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
            found.iter().partition(|found| is_verbose || found.severity == Severity::Error);
        self.draw(drawn);
        if !self.quiet {
            let is_told =
                |found: &&&Diagnostic| found.severity == Severity::Warning || found.location.is_none();
            let told: Vec<&Diagnostic> = told.iter().filter(is_told).copied().collect();
            self.say(&digest(&told, &self.message_view));
            self.annotate(&told.into_iter().take(limits::FINDINGS).cloned().collect::<Vec<_>>());
        }
    }

    /// Says what was found that is wrong; the rest is for `plan` to say, or where it is asked for.
    pub(super) fn errors(&self, found: &[Diagnostic]) {
        let is_said = |found: &&Diagnostic| self.message_view.verbose || found.severity == Severity::Error;
        self.diagnostics(&found.iter().filter(is_said).cloned().collect::<Vec<_>>());
    }

    /// Shows findings with their places in the source.
    fn draw(&self, mut wanted: Vec<&Diagnostic>) {
        let more = wanted.len().saturating_sub(limits::FINDINGS);
        if more > 0 {
            wanted.sort_by_key(|diagnostic| Reverse(diagnostic.severity));
        }
        let shown: Vec<Diagnostic> = wanted.into_iter().take(limits::FINDINGS).cloned().collect();
        self.say(&diagnostics(&shown, &self.message_view, &self.sources()));
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
        if self.ci.log == Some(CiLog::GitHub) && self.mode != RenderMode::Json {
            to_stderr(&annotations(found, &self.ci.folder, &self.sources()));
        }
    }

    /// Says what `lock` did or found, base by base, and which images that rebuilds; what else was found, and the total.
    pub(super) fn lock(&self, locked: &Locked) {
        if !self.quiet && self.mode != RenderMode::Json {
            self.say(&lock_text(&locked.news, &self.message_view));
            self.say(&rebuilt_text(&locked.rebuilt, &self.message_view));
        }
        self.diagnostics(&locked.findings);
        if let Some(total) = lock_total(&locked.total) {
            self.result_line(&total);
        }
    }

    /// What shows a run of the plan.
    fn reporter(&self, plan: &Plan, work: Work) -> Reporter {
        let writer: Box<dyn Write + Send> = match self.mode {
            RenderMode::Json if !self.keeps_stdout => Box::new(io::stdout()),
            RenderMode::Json | RenderMode::Live | RenderMode::Plain | RenderMode::Quiet => {
                Box::new(io::stderr())
            }
        };
        let reporter = match &self.ci.log {
            Some(log) if self.mode == RenderMode::Plain => {
                Reporter::grouped(self.message_view, writer, plan, log.clone())
            }
            _ => Reporter::new(self.mode, self.message_view, writer, plan),
        };
        let reporter =
            if self.mode == RenderMode::Json { reporter.relied_on("the events") } else { reporter };
        match self.job_summary(plan, work) {
            Some(summary) => reporter.also(Box::new(summary)),
            None => reporter,
        }
    }

    /// Has the run's events kept where they are wanted.
    fn with_events(&mut self, reporter: Reporter, plan: &Plan) -> Result<Reporter, Error> {
        let Some(path) = &self.events else { return Ok(reporter) };
        let file =
            if self.events_begun { File::options().append(true).open(path) } else { File::create(path) };
        self.events_begun = true;
        let file = file
            .map_err(|error| Error::usage(format!("--events: cannot write {}: {error}", path.display())))?;
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
    fn summarise_in_place(&self, plan: &Plan) {
        if let Some(mut summary) = self.job_summary(plan, Work::Publish) {
            summary.event(&Event::Finished { outcome: Outcome::Succeeded, elapsed: Duration::ZERO });
        }
    }

    /// Says how something ended, unless only errors are wanted.
    pub(super) fn result_line(&self, text: &str) {
        if !self.quiet && self.mode != RenderMode::Json {
            self.say(&format!("{text}\n"));
        }
    }

    /// Says what programs rely on and was not written.
    fn check(&self, reporter: &Reporter) {
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
        let text = self.message_view.theme.decorated(text);
        to_stderr(&self.safe(&text));
    }

    /// Text in which no CI system finds a command: not all of them say that they are there.
    fn safe<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.ci.log == Some(CiLog::GitHub) { without_commands(text) } else { without_marks(text) }
    }
}

impl Audience for Output {
    fn reads(&mut self, files: &ops::Files) {
        self.files = Some(Arc::clone(files));
    }

    fn finds(&mut self, findings: &[Diagnostic]) {
        self.diagnostics(findings);
    }

    fn hears(&mut self, news: News<'_>) {
        match news {
            News::Planned(plan) if !matches!(self.mode, RenderMode::Json | RenderMode::Quiet) => {
                self.say(&run_head(plan, &self.message_view));
            }
            News::Planned(_) => {}
            news => {
                for line in news_text(&news, self.message_view.verbose) {
                    self.result_line(&line);
                }
            }
        }
        if let News::InRegistry { plan, .. } = news {
            self.summarise_in_place(plan);
        }
    }

    fn begins(&mut self, plan: &Arc<Plan>, work: Work) -> Result<(), Error> {
        waiting::end();
        let reporter = self.reporter(plan, work);
        self.reporter = Some(self.with_events(reporter, plan)?);
        self.work = work;
        Ok(())
    }

    fn event(&mut self, event: &Event) {
        let Some(reporter) = &mut self.reporter else { return };
        if matches!(event, Event::Finished { .. }) {
            // The last frame is erased, so its extent on the terminal of now has to be known.
            adapt(reporter);
        }
        reporter.event(event);
    }

    fn tick(&mut self, elapsed: Duration) {
        if let Some(reporter) = &mut self.reporter {
            adapt(reporter);
            reporter.tick(elapsed);
        }
    }

    /// A summary, which may name places in files. Of a push its news are that.
    fn ends(&mut self, positions: &[TagPosition]) {
        let Some(mut reporter) = self.reporter.take() else { return };
        if self.work == Work::Build {
            reporter.finish(&|path| self.source(path), positions);
            self.annotate(&reporter.failures());
        }
        self.check(&reporter);
    }

    fn speaker(&self) -> ops::Speaker {
        let view = self.message_view;
        let least = if self.quiet { Severity::Error } else { Severity::Note };
        let says_lines = !self.quiet && self.mode != RenderMode::Json;
        let is_github = self.ci.log == Some(CiLog::GitHub);
        let say = move |text: &str| {
            let text = &*view.theme.decorated(text);
            to_stderr(&if is_github { without_commands(text) } else { Cow::Borrowed(text) });
        };
        Arc::new(move |said| match said {
            Said::Finding(found) if found.severity >= least => {
                say(&diagnostics(std::slice::from_ref(found), &view, &|_| None));
            }
            Said::Line(line) if says_lines => say(&format!("{}\n", printable(line))),
            Said::Finding(_) | Said::Line(_) => {}
        })
    }
}

/// Whether lines can be drawn again: on a terminal that knows how, where somebody watches.
fn can_be_redrawn(environment: &Environment) -> bool {
    environment.stderr_is_terminal && environment.get("TERM") != Some("dumb") && !environment.is_on("CI")
}

fn to_stderr(text: &str) {
    waiting::end();
    // Nobody is left to tell if standard error is closed.
    let _ = io::stderr().lock().write_all(text.as_bytes());
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
