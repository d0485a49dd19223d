//! An engine or a registry that falls silent without closing anything, and users who do not wait for it.

mod registry;
mod stalls;
mod support;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use registry::server::Server;
use stalls::{Proxy, Stall};
use support::{Checkout, Engine};

macro_rules! engine {
    () => {
        match Engine::start() {
            Some(engine) => engine,
            None => return,
        }
    };
}

/// Far more than anything here may take: a test that fails must not take the 600 s of old.
const TOO_LONG: Duration = Duration::from_secs(100);

/// A running command whose standard error is read as it comes.
struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    seen: String,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the command runs");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines, seen: String::new() }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    #[track_caller]
    fn wait_for(&mut self, what: &str) {
        while !self.seen.contains(what) {
            let line = self.lines.recv_timeout(TOO_LONG);
            let line = line.unwrap_or_else(|error| panic!("no `{what}` ({error}) in:\n{}", self.seen));
            self.seen.push_str(&line);
            self.seen.push('\n');
        }
    }

    /// Waits until one of its requests gets no answer.
    #[track_caller]
    fn stalls_at(&mut self, proxy: &Proxy) {
        if !proxy.stalls() {
            let ended = self.child.try_wait();
            self.seen.extend(self.lines.try_iter().flat_map(|line| [line, "\n".to_owned()]));
            panic!("no request that is to stall; {ended:?}:\n{}", self.seen);
        }
    }

    /// Its exit code, -1 for a signal, and what it said.
    #[track_caller]
    fn ends(self) -> (i32, String) {
        self.ends_within(TOO_LONG)
    }

    #[track_caller]
    fn ends_within(mut self, patience: Duration) -> (i32, String) {
        let begun = Instant::now();
        let status = loop {
            match self.child.try_wait().expect("it can be asked") {
                Some(status) => break status,
                None if begun.elapsed() > patience => {
                    let _ = self.child.kill();
                    panic!("still running after {patience:?}:\n{}", self.seen);
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(5)) {
            self.seen.push_str(&line);
            self.seen.push('\n');
        }
        (status.code().unwrap_or(-1), self.seen)
    }
}

fn through(engine: &Engine, proxy: &Proxy, checkout: &Checkout, arguments: &[&str]) -> Running {
    Running::start(engine.command(checkout, arguments).env("DOCKER_HOST", &proxy.host))
}

fn one_image(engine: &Engine) -> Checkout {
    let text = format!("FROM busybox\nRUN echo asleep; sleep 3; echo {}\n", engine.namespace);
    Checkout::with(&[("api/Dockerfile", &text)])
}

#[test]
fn every_command_can_be_ended_while_the_engine_does_not_answer() {
    let engine = engine!();
    let proxy = Proxy::start(engine.host());
    let checkout = one_image(&engine);
    for (arguments, signal) in [
        (&["build"][..], "-INT"),
        (&["plan"], "-TERM"),
        (&["push", "--registry", "127.0.0.1:1"], "-HUP"),
        (&["ensure", "api"], "-INT"),
        (&["images"], "-INT"),
        (&["graph"], "-TERM"),
        (&["lock", "--check"], "-INT"),
    ] {
        proxy.stall("GET ", Stall::Request);
        let mut running = through(&engine, &proxy, &checkout, arguments);
        running.stalls_at(&proxy);
        running.signal(signal);
        let (code, said) = running.ends();
        assert_eq!(code, 130, "{arguments:?}: {said}");
        assert!(said.contains("interrupted"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_look_up_without_an_answer_is_an_error_that_says_how_long_it_waited() {
    let engine = engine!();
    let proxy = Proxy::start(engine.host());
    let checkout = one_image(&engine);
    for request in ["/version", "/images/"] {
        proxy.stall(request, Stall::Request);
        let (code, said) = through(&engine, &proxy, &checkout, &["build"]).ends();
        assert_eq!(code, 3, "{request}: {said}");
        assert!(said.contains("10 s"), "{request}: {said}");
    }
}

#[test]
fn tags_that_the_engine_does_not_take_end_the_run_and_a_second_signal_ends_it_at_once() {
    let engine = engine!();
    let proxy = Proxy::start(engine.host());
    let checkout = one_image(&engine);
    proxy.stall("/tag?", Stall::Request);
    let tags = (0..40).map(|at| format!("t{at}")).collect::<Vec<_>>().join(",");
    let (code, said) =
        through(&engine, &proxy, &checkout, &["build", "--progress", "plain", "-t", &tags]).ends();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("did not answer for 10 s"), "{said}");
    let mut running = through(&engine, &proxy, &checkout, &["build", "--progress", "plain"]);
    proxy.stall("/tag?", Stall::Request);
    running.stalls_at(&proxy);
    running.signal("-INT");
    running.wait_for("finishing that first");
    running.signal("-INT");
    let asked = Instant::now();
    let (code, said) = running.ends();
    assert_eq!(code, 130, "{said}");
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}: {said}", asked.elapsed());
}

#[test]
fn a_run_that_finishes_its_tags_first_is_interrupted_all_the_same() {
    let engine = engine!();
    let proxy = Proxy::start(engine.host());
    let checkout = one_image(&engine);
    proxy.stall("/tag?", Stall::Hold);
    let events = checkout.root.join(".git/events");
    let arguments = ["build", "--progress", "plain", "--events", &events.to_string_lossy()];
    let mut running = through(&engine, &proxy, &checkout, &arguments);
    running.stalls_at(&proxy);
    running.signal("-TERM");
    running.wait_for("finishing that first");
    proxy.heal();
    let (code, said) = running.ends();
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("interrupted while the tags were moving") && !said.contains("not moved"), "{said}");
    let events = std::fs::read_to_string(events).expect("events");
    let last: serde_json::Value = serde_json::from_str(events.lines().last().expect("one")).expect("JSON");
    assert_eq!((&last["event"], &last["outcome"]), (&"finished".into(), &"interrupted".into()), "{events}");
    assert!(engine.has("api:main") && engine.has("api:latest"), "{said}");
}

#[test]
fn a_registry_that_does_not_answer_holds_up_nobody_who_wants_to_leave() {
    let engine = engine!();
    let checkout = one_image(&engine);
    let registry = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = registry.local_addr().expect("an address").to_string();
    // What the engine has not is asked for.
    for arguments in [
        &["build", "--pull-cache", "--registry", &address][..],
        &["ensure", "api", "--remote", "pull", "--registry", &address],
        &["push", "--registry", &address],
        &["plan", "--pull-cache", "--registry", &address],
    ] {
        let running = Running::start(&mut engine.command(&checkout, arguments));
        let (connection, _) = registry.accept().expect("it asks");
        running.signal("-INT");
        let (code, said) = running.ends();
        drop(connection);
        assert_eq!(code, 130, "{arguments:?}: {said}");
        assert!(said.contains("interrupted"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_build_whose_connection_is_lost_without_a_word_fails() {
    let engine = engine!();
    let proxy = Proxy::start(engine.host());
    let mut runs = Vec::new();
    for (at, (request, stall)) in [
        ("/session", Stall::Request),
        ("/grpc", Stall::Request),
        ("/session", Stall::After(4)),
        ("/grpc", Stall::After(4)),
        ("/grpc", Stall::After(9)),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!("FROM busybox\nCOPY a /\nRUN sleep 60; echo {} {at}\n", engine.namespace);
        let checkout = Checkout::with(&[("api/Dockerfile", text.as_str()), ("api/a", "1")]);
        proxy.stall(request, stall);
        let mut running = through(&engine, &proxy, &checkout, &["build", "--progress", "plain"]);
        running.stalls_at(&proxy);
        runs.push((request, stall, Instant::now(), running, checkout));
    }
    for (request, stall, begun, running, _checkout) in runs {
        let (code, said) = running.ends();
        assert_eq!(code, 1, "{request} {stall:?}: {said}");
        assert!(said.contains("the engine"), "{request} {stall:?}: {said}");
        assert!(begun.elapsed() < Duration::from_secs(55), "{request} {stall:?}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_classic_build_and_a_pull_notice_an_engine_that_has_fallen_silent() {
    let engine = engine!();
    let proxy = Proxy::start(engine.host());
    let text = format!("FROM busybox\nRUN sleep 90; echo {}\n", engine.namespace);
    let checkout = Checkout::with(&[("api/Dockerfile", text.as_str())]);
    let mut command = engine.command(&checkout, &["build", "--progress", "plain"]);
    let mut running = Running::start(command.env("DOCKER_BUILDKIT", "0").env("DOCKER_HOST", &proxy.host));
    running.wait_for("RUN sleep");
    proxy.stall("GET /_ping", Stall::Request);
    let (code, said) = running.ends();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("stopped answering"), "{said}");
}

/// A registry that has an image which the engine lacks, and one that it does not have.
fn pull_and_push(engine: &Engine, server: &Server) -> [(Checkout, &'static str, [&'static str; 2]); 2] {
    let [pulled, pushed] = ["pulled", "pushed"].map(|name| {
        let text = format!("FROM busybox\nRUN echo {name} {}\n", engine.namespace);
        Checkout::with(&[(&format!("{name}/Dockerfile"), &text)])
    });
    engine.run(&pulled, &["push", "--registry", &server.address]).exits(0);
    for reference in engine.docker(&["images", "--format", "{{.Repository}}:{{.Tag}}"]).lines() {
        if reference.starts_with(&format!("{}/pulled", engine.namespace)) {
            engine.docker(&["rmi", reference]);
        }
    }
    engine.run(&pushed, &["build"]).exits(0);
    [(pulled, "/images/create", ["ensure", "pulled"]), (pushed, "/push?", ["push", "pushed"])]
}

/// The stream of a pull or push becomes a hole, and with it all else of the engine, or nothing else.
fn a_stream_falls_silent(engine_too: bool, patience: Duration, says: &str) {
    let engine = engine!();
    let Some(server) = Server::start(&[]) else { return };
    for (checkout, request, [command, image]) in pull_and_push(&engine, &server) {
        let proxy = Proxy::start(engine.host());
        proxy.stall(request, Stall::After(1));
        let arguments = [command, image, "--registry", &server.address];
        let mut running = through(&engine, &proxy, &checkout, &arguments);
        running.stalls_at(&proxy);
        if engine_too {
            proxy.stall("GET /_ping", Stall::Request);
        }
        let (code, said) = running.ends_within(patience);
        assert!(matches!(code, 1 | 3 | 4), "{command}: {code}: {said}");
        assert!(said.contains("the engine did not answer for") && said.contains(says), "{command}: {said}");
        proxy.heal();
        engine.run(&checkout, &arguments).exits(0);
    }
}

#[test]
fn a_pull_and_a_push_notice_an_engine_that_falls_silent_half_way() {
    a_stream_falls_silent(true, TOO_LONG, "30 s");
}

#[test]
#[ignore = "a stream that says nothing while the engine answers is given up after five minutes"]
fn a_pull_and_a_push_notice_a_stream_that_falls_silent_while_the_engine_answers() {
    a_stream_falls_silent(false, Duration::from_secs(400), "300 s");
}

#[test]
fn a_long_silent_step_is_no_lost_connection() {
    let engine = engine!();
    let checkout = Checkout::with(&[(
        "api/Dockerfile",
        &format!("FROM busybox\nRUN sleep 35; echo {}\n", engine.namespace),
    )]);
    let runs: Vec<Running> = ["", "0"]
        .iter()
        .map(|builder| {
            let mut command = engine.command(&checkout, &["build", "--progress", "plain"]);
            Running::start(command.env("DOCKER_BUILDKIT", builder))
        })
        .collect();
    for running in runs {
        let (code, said) = running.ends();
        assert_eq!(code, 0, "{said}");
    }
}

/// A program that is started with signals ignored, such as by `nohup`, leaves it at that.
#[test]
fn what_nohup_ignores_stays_ignored() {
    let engine = engine!();
    let checkout = one_image(&engine);
    let shipwright = engine.command(&checkout, &["build", "--progress", "plain"]);
    let mut command = Command::new("nohup");
    command.arg(shipwright.get_program()).args(shipwright.get_args());
    command.current_dir(shipwright.get_current_dir().expect("a folder")).env_clear();
    command.envs(shipwright.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut running = Running::start(&mut command);
    running.wait_for("asleep");
    running.signal("-HUP");
    let (code, said) = running.ends();
    assert_eq!(code, 0, "{said}");
}
