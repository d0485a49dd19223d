//! A run that is ended at some moment: by signals, after so many of its events or so much time.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use super::random::Random;

/// After this much time nothing that was attacked may still be running.
const PATIENCE: Duration = Duration::from_secs(90);

/// When a run is attacked.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// After so many lines of its events.
    Events(usize),
    /// After so much time since its start.
    Time(Duration),
}

/// What it gets then.
#[derive(Clone, Copy, Debug)]
pub enum Blow {
    /// `kill -9`.
    Kill,
    /// A signal that asks it to end.
    Ask(&'static str),
    /// Two such signals, one right after the other.
    AskTwice(&'static str),
    /// It stands still for a moment, and goes on.
    Pause,
    /// It stands still, and is killed then.
    PauseAndKill,
}

/// How an attacked run ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none for a signal.
    pub code: Option<i32>,
    /// What it said on standard error.
    pub said: String,
    /// How many events it told.
    pub events: usize,
}

impl Blow {
    /// One of them.
    pub fn random(random: &mut Random) -> Self {
        let signal = *random.pick(&["-INT", "-TERM", "-HUP"]);
        match random.below(10) {
            0..=3 => Self::Kill,
            4..=6 => Self::Ask(signal),
            7 => Self::AskTwice(signal),
            8 => Self::Pause,
            _ => Self::PauseAndKill,
        }
    }

    /// Whether tags may be left half-way: what was not asked cannot finish its work.
    pub fn is_rude(self) -> bool {
        matches!(self, Self::Kill | Self::AskTwice(_) | Self::PauseAndKill)
    }

    /// With what a run may end after it.
    pub fn allows(self, code: Option<i32>) -> bool {
        match self {
            // A signal before anybody listens ends the process.
            Self::Kill | Self::PauseAndKill | Self::Ask(_) | Self::AskTwice(_) => {
                matches!(code, None | Some(0 | 130))
            }
            Self::Pause => code == Some(0),
        }
    }

    fn strike(self, child: &Child) {
        match self {
            Self::Kill => signal(child, "-KILL"),
            Self::Ask(name) => signal(child, name),
            Self::AskTwice(name) => {
                signal(child, name);
                signal(child, name);
            }
            Self::Pause | Self::PauseAndKill => {
                signal(child, "-STOP");
                sleep(Duration::from_millis(150));
                signal(child, if matches!(self, Self::Pause) { "-CONT" } else { "-KILL" });
            }
        }
    }
}

/// Sends a signal. The process may have ended already; until somebody waits for it, its number is its own.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).stderr(Stdio::null()).status();
    sent.expect("kill runs");
}

/// Starts a run whose events are followed.
pub struct Running {
    child: Child,
    lines: Receiver<()>,
    said: JoinHandle<String>,
}

impl Running {
    /// Starts it; the command must not say yet how it shows its progress.
    pub fn start(mut command: Command) -> Self {
        command.args(["--progress", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command runs");
        let events = BufReader::new(child.stdout.take().expect("a pipe"));
        let errors = BufReader::new(child.stderr.take().expect("a pipe"));
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for _ in events.lines().map_while(Result::ok) {
                // Where nobody listens any more, the pipe is emptied all the same.
                let _ = tell.send(());
            }
        });
        let said = std::thread::spawn(move || {
            let lines = errors.lines().map_while(Result::ok);
            lines.fold(String::new(), |said, line| said + &line + "\n")
        });
        Self { child, lines, said }
    }

    /// Waits for the moment, strikes, and waits for the end.
    pub fn attack(self, moment: Moment, blow: Blow) -> Ended {
        let seen = match moment {
            Moment::Events(count) => self.lines.iter().take(count).count(),
            Moment::Time(time) => {
                sleep(time);
                0
            }
        };
        blow.strike(&self.child);
        self.end(seen)
    }

    /// Waits for the end, but not for ever.
    pub fn end(mut self, seen: usize) -> Ended {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a state") {
                break status;
            }
            if start.elapsed() > PATIENCE {
                self.child.kill().expect("it can be killed");
                self.child.wait().expect("it ends");
                panic!("it does not end:\n{}", self.said.join().expect("text"));
            }
            sleep(Duration::from_millis(5));
        };
        let events = seen + self.lines.iter().count();
        Ended { code: status.code(), said: self.said.join().expect("text"), events }
    }
}
