//! What happens to a checkout while runs are under way: files are saved, git works, others run.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::history::{self, run_git};
use super::life::Life;
use super::state::Met;
use super::tree::{Files, under};

/// After this much time a run counts as one that hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// How many runs have written what they said.
static LOGS: AtomicUsize = AtomicUsize::new(0);

/// A run that is under way.
struct Running {
    child: Child,
    log: PathBuf,
}

/// Starts a run, changes the checkout once while it is at work, and judges what it left. The change stays.
pub fn change(life: &mut Life) -> (String, Result<(), String>) {
    let root = life.root();
    let before = match life.state(&root) {
        Ok(state) => state,
        Err(error) => return ("a run".to_owned(), Err(error)),
    };
    let change = Change::random(life);
    let longest = *life.random.pick(&[60, 60, 400, 2000]);
    let delay = Duration::from_millis(life.random.below(longest) as u64);
    let (running, done) = if life.random.percent(20) {
        let done = change.make(life);
        (Running::start(life, &root, "home"), done)
    } else {
        let running = Running::start(life, &root, "home");
        sleep(delay);
        (running, change.make(life))
    };
    let what = format!("while it runs, after {delay:?}: {done}");
    let judged = running.end().and_then(|(code, said)| {
        let states = vec![before, life.state(&root)?];
        let met = Met { code, said, states: vec![0, 1] };
        life.judge(&states, &[met], change.is_one_step())
    });
    (what, judged)
}

/// Two runs at once: in the same folder or in another worktree on another branch, as the same user or as another
/// with a home of their own.
pub fn two_runs(life: &mut Life) -> (String, Result<(), String>) {
    let root = life.root();
    let home = if life.random.percent(50) { "home" } else { "other-home" };
    let pause = Duration::from_millis(life.random.below(150) as u64);
    let branch = format!("beside{}", life.random.below(100_000));
    let worktree = life.random.percent(60).then(|| life.checkout.beside(&branch));
    let mut folders = vec![root.clone()];
    if let Some(folder) = &worktree {
        // HEAD or another branch's commit, so that the two often have other images.
        let commit = history::branch(life);
        let path = folder.to_string_lossy().into_owned();
        assert!(
            run_git(&root, &["worktree", "add", "--quiet", "-b", &branch, &path, &commit]).0,
            "a worktree"
        );
        if life.is_laid_out(&Files::read(folder)) {
            folders.push(folder.clone());
        }
    }
    let what = format!("two runs, {pause:?} apart, of {home} in {} folders", folders.len());
    let judged = judge_two(life, &folders, home, pause);
    if let Some(folder) = &worktree {
        run_git(&root, &["worktree", "remove", "--force", &folder.to_string_lossy()]);
        fs::remove_dir_all(folder).ok();
        run_git(&root, &["worktree", "prune"]);
        run_git(&root, &["branch", "--quiet", "-D", &branch]);
    }
    (what, judged)
}

fn judge_two(life: &mut Life, folders: &[PathBuf], home: &str, pause: Duration) -> Result<(), String> {
    let mut states = Vec::new();
    for folder in folders {
        states.push(life.state(folder)?);
    }
    let first = Running::start(life, &folders[0], "home");
    sleep(pause);
    let last = folders.len() - 1;
    let second = Running::start(life, &folders[last], home);
    let mut runs = Vec::new();
    for (running, state) in [(first, 0), (second, last)] {
        let (code, said) = running.end()?;
        runs.push(Met { code, said, states: vec![state] });
    }
    life.judge(&states, &runs, true)
}

impl Running {
    fn start(life: &Life, folder: &PathBuf, home: &str) -> Self {
        let number = LOGS.fetch_add(1, Ordering::Relaxed);
        let log = life.checkout.beside(&format!("run-{number}.log"));
        let mut command = life.command(&["build", "--progress", "plain"]);
        command.current_dir(folder).stdout(fs::File::create(&log).expect("a file"));
        command.stderr(fs::File::options().append(true).open(&log).expect("a file"));
        if home != "home" {
            command.env("HOME", life.checkout.beside(home));
        }
        Self { child: command.spawn().expect("the command runs"), log }
    }

    /// Its exit code and what it said.
    fn end(mut self) -> Result<(Option<i32>, String), String> {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a state") {
                break Some(status);
            }
            if start.elapsed() > PATIENCE {
                self.child.kill().expect("it can be killed");
                self.child.wait().expect("it ends");
                break None;
            }
            sleep(Duration::from_millis(10));
        };
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let _ = fs::remove_file(&self.log);
        let status = status.ok_or_else(|| format!("it does not end: {said}"))?;
        Ok((status.code(), said))
    }
}

/// Where a link may lead. What Dockerfiles name stays what it is, a file or a folder with something to find in it.
fn targets_of(link: &[u8]) -> &'static [&'static str] {
    match link.rsplit(|byte| *byte == b'/').next().unwrap_or_default() {
        b"link" => &["keep.txt", "conf/keep.txt", "src/keep.txt"],
        b"linked" => &["conf", "src", "src/deep"],
        b"back" => &["../conf/keep.txt", "../keep.txt", "deep/keep.txt"],
        _ => &["keep.txt", "src", ".", "nowhere"],
    }
}

/// One change, made ready in time.
enum Change {
    /// A file is saved as editors do it: another takes its place at once. Perhaps with the same time.
    Save(Vec<u8>, Vec<u8>, bool),
    /// `ln -sfn`.
    Link(Vec<u8>, &'static str),
    Mode(Vec<u8>),
    Remove(Vec<u8>),
    /// Git, and whether there is nothing between the state before and the one after.
    Git(Vec<Vec<String>>, bool),
}

impl Change {
    fn random(life: &mut Life) -> Self {
        let root = life.root();
        let files = history::editable(life);
        let file = life.random.pick_any(&files).cloned();
        match (life.random.below(12), file) {
            (0..=2, Some(name)) => {
                let length = fs::metadata(under(&root, &name)).map_or(0, |kind| kind.len());
                let exactly = life.random.percent(60).then(|| usize::try_from(length).expect("a small file"));
                Self::Save(name, life.random.text(exactly), life.random.percent(50))
            }
            (3, Some(name)) => Self::Mode(name),
            (4, _) => {
                let links = history::links(life);
                match life.random.pick_any(&links).cloned() {
                    Some(name) => {
                        let target = *life.random.pick(targets_of(&name));
                        Self::Link(name, target)
                    }
                    None => Self::git(&[&["gc", "--quiet"]], true),
                }
            }
            (5, _) => {
                let names = history::removable(life);
                life.random
                    .pick_any(&names)
                    .cloned()
                    .map_or_else(|| Self::git(&[&["gc", "--quiet"]], true), Self::Remove)
            }
            (_, _) => Self::of_git(life),
        }
    }

    fn of_git(life: &mut Life) -> Self {
        let branch = history::branch(life);
        match life.random.below(12) {
            0..=3 => Self::git(&[&["switch", "--quiet", &branch]], true),
            4 | 5 => {
                Self::git(&[&["commit", "--quiet", "--all", "--allow-empty", "--message", "meanwhile"]], true)
            }
            6 => Self::git(&[&["commit", "--quiet", "--all", "--amend", "--no-edit"]], true),
            7 => Self::git(&[&["stash", "--quiet"]], true),
            8 => Self::git(&[&["add", "--all"], &["gc", "--quiet"]], true),
            // Each of these passes through states of which nobody knows.
            9 => Self::git(
                &[&["stash", "--quiet", "--include-untracked"], &["stash", "pop", "--quiet"]],
                false,
            ),
            10 => Self::git(
                &[&["rebase", "--quiet", "--strategy-option=theirs", &branch], &["rebase", "--abort"]],
                false,
            ),
            _ => Self::git(&[&["switch", "--quiet", &branch], &["switch", "--quiet", "-"]], false),
        }
    }

    fn git(commands: &[&[&str]], is_one_step: bool) -> Self {
        let owned = |arguments: &&[&str]| arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self::Git(commands.iter().map(owned).collect(), is_one_step)
    }

    fn is_one_step(&self) -> bool {
        !matches!(self, Self::Git(_, false))
    }

    /// Makes it, and says what it was.
    fn make(&self, life: &Life) -> String {
        let root = life.root();
        let show = |name: &[u8]| format!("{:?}", String::from_utf8_lossy(name));
        // Beside the checkout, on the same disk.
        let new = life.checkout.beside("new");
        match self {
            Self::Save(name, content, same_time) => {
                let path = under(&root, name);
                let before = fs::metadata(&path).expect("a file");
                fs::write(&new, content).expect("a file");
                fs::set_permissions(&new, before.permissions()).expect("a mode");
                if *same_time {
                    let file = fs::File::options().append(true).open(&new).expect("a file");
                    file.set_modified(before.modified().expect("a time")).expect("a time");
                }
                fs::rename(&new, &path).expect("it takes its place");
                format!("{} saved{}", show(name), if *same_time { " with its time" } else { "" })
            }
            Self::Link(name, target) => {
                symlink(target, &new).expect("a link");
                fs::rename(&new, under(&root, name)).expect("it takes its place");
                format!("{} leads to {}", show(name), target)
            }
            Self::Mode(name) => {
                let path = under(&root, name);
                let mode = fs::metadata(&path).expect("a file").permissions().mode() ^ 0o111;
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
                format!("mode {mode:o} for {}", show(name))
            }
            Self::Remove(name) => {
                fs::remove_file(under(&root, name)).expect("it can go");
                format!("{} removed", show(name))
            }
            Self::Git(commands, _) => {
                let run = |arguments: &Vec<String>| {
                    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                    let (done, _) = run_git(&root, &arguments);
                    format!("git {}{}", arguments.join(" "), if done { "" } else { " (refused)" })
                };
                commands.iter().map(run).collect::<Vec<_>>().join("; ")
            }
        }
    }
}
