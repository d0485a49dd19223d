//! An engine that answers one kind of request wrongly, through the real binary: the run ends with an error or with
//! the right result, no tag goes where it does not belong, and the next run completes.

mod gate;
mod registry;
mod support;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use gate::{Answer, Gate};
use registry::server::Server;
use serde_json::json;
use support::{Checkout, Engine, Run, image, text};

macro_rules! engine {
    () => {
        match Engine::start() {
            Some(engine) => engine,
            None => return,
        }
    };
}

const KEY: &str = "io.shipwright.key";

/// A whole answer.
fn reply(status: &str, kind: &str, body: &str) -> Answer {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    Arc::new(move |client: &mut TcpStream| client.write_all(text.as_bytes()))
}

fn ok(body: &str) -> Answer {
    reply("200 OK", "application/json", body)
}

/// Begins like this and then says `repeated` for ever, in chunks as engines send their answers.
fn endless(start: &str, repeated: &str) -> Answer {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let (start, more) = (format!("{head}{}", chunk(start)), chunk(&repeated.repeat(4_000)).repeat(4));
    Arc::new(move |client: &mut TcpStream| {
        client.write_all(start.as_bytes())?;
        loop {
            client.write_all(more.as_bytes())?;
        }
    })
}

/// One image, and an engine behind a gate.
struct Story<'a> {
    engine: &'a Engine,
    gate: Gate,
    checkout: Checkout,
    round: usize,
}

impl<'a> Story<'a> {
    /// An image that was built.
    fn new(engine: &'a Engine) -> Self {
        let story = Self::unbuilt(engine);
        engine.run(&story.checkout, &["build"]).exits(0);
        story
    }

    /// An image of which the engine knows nothing, so that it is asked for a list.
    fn unbuilt(engine: &'a Engine) -> Self {
        let checkout = Checkout::with(&[
            ("api/Dockerfile", "FROM scratch\nCOPY a /a\n"),
            ("api/a", &format!("first of {}", engine.namespace)),
        ]);
        Self { engine, gate: Gate::before(engine.host()), checkout, round: 0 }
    }

    fn key(&self) -> String {
        let plan =
            self.engine.run(&self.checkout, &["plan", "--offline", "--format", "json"]).exits(0).json();
        text(&image(&plan, "api")["key"])
    }

    fn through(&self, arguments: &[&str]) -> Run {
        let mut command = self.engine.command(&self.checkout, arguments);
        Run::of(&command.env("DOCKER_HOST", &self.gate.host).output().expect("the command runs"))
    }

    /// Commits a change, runs while requests like this are answered like that, and asserts what holds whatever came of it.
    #[track_caller]
    fn meets(&mut self, what: &str, is_it: fn(&str) -> bool, answer: Answer) -> Run {
        let before = self.key();
        self.round += 1;
        self.checkout.write("api/a", format!("{} of {}", self.round, self.engine.namespace));
        self.checkout.commit("more");
        let (key, head) = (self.key(), self.checkout.head());
        self.gate.answer(is_it, answer);
        let run = self.through(&["build"]);
        self.gate.open();
        let context = format!("{what}: exits with {}\n{}", run.code, run.stderr);
        assert!(matches!(run.code, 0 | 1 | 3) && !run.stderr.contains("panicked"), "{context}");
        let label = |tag: &str| self.engine.label(&format!("api:{tag}"), KEY);
        for tag in ["main", "latest"] {
            let found = label(tag);
            assert!(found == key || run.code != 0 && found == before, "{tag} is {found}: {context}");
        }
        for tag in [head, format!("src-{}", &key[..16])] {
            assert!(!self.engine.has(&format!("api:{tag}")) || label(&tag) == key, "{tag}: {context}");
        }
        self.engine.run(&self.checkout, &["build"]).exits(0);
        assert_eq!(label("main"), key, "the next run: {context}");
        run
    }
}

/// A kind of request by its first line, and its name.
type Question = (&'static str, fn(&str) -> bool);

/// Questions of a build.
const QUESTIONS: [Question; 4] = [
    ("version", |line| line.contains("/version")),
    ("inspect", |line| line.starts_with("GET ") && line.contains("/api:") && line.contains("/json")),
    ("tag", |line| line.starts_with("POST ") && line.contains("/tag?")),
    ("session", |line| line.contains("/session")),
];

#[test]
fn whatever_an_engine_answers_no_tag_goes_where_it_does_not_belong() {
    let engine = engine!();
    let mut story = Story::new(&engine);
    // Another image's answer.
    let other = engine.docker(&["image", "inspect", "--format", "{{json .}}", "busybox:latest"]);
    for (name, is_it) in QUESTIONS {
        let answers = [
            ("half of JSON", ok("{\"Id\": \"sha2")),
            ("nothing", ok("")),
            ("a page", reply("500 Internal Server Error", "text/html", "<html><h1>Oops</h1></html>")),
            ("null", ok("null")),
            ("an empty object", ok("{}")),
            ("another image", ok(&other)),
        ];
        for (what, answer) in answers {
            story.meets(&format!("{name}: {what}"), is_it, answer);
        }
    }
}

#[test]
fn an_answer_without_an_end_is_an_error_that_says_so() {
    let engine = engine!();
    let mut story = Story::new(&engine);
    for (name, is_it) in &QUESTIONS[..2] {
        let run = story.meets(name, *is_it, endless("{\"Id\": \"", "x"));
        assert!(run.code != 0, "{}", run.stderr);
        run.says("longer than 16 MiB");
    }
    // A list may be longer, and ends all the same.
    let other = engine!();
    let story = Story::unbuilt(&other);
    story.gate.answer(is_list, endless("[", "{},"));
    story.through(&["plan"]).exits(1).says("longer than 256 MiB");
}

#[test]
fn messages_are_as_many_as_they_like_and_none_has_no_end() {
    let engine = engine!();
    let Some(server) = Server::start(&[]) else { return };
    let story = Story::new(&engine);
    let is_push = |line: &str| line.starts_with("POST ") && line.contains("/push");
    // 40 MB of messages, and then an error.
    let message =
        json!({"status": "Pushing", "id": "abc", "progress": "x".repeat(3_000)}).to_string() + "\r\n";
    let body = message.repeat(13_000)
        + "{\"errorDetail\":{\"message\":\"so it ends\"},\"error\":\"so it ends\"}\r\n";
    let arguments = ["push", "--registry", &server.address];
    story.gate.answer(is_push, ok(&body));
    story.through(&arguments).exits(1).says("so it ends");
    story.gate.answer(is_push, endless("{\"status\": \"", "x"));
    story.through(&arguments).exits(1).says("lost the connection to the engine");
    story.gate.open();
    story.through(&arguments).exits(0);
}

fn is_list(line: &str) -> bool {
    line.contains("/images/json")
}

#[test]
fn a_list_that_is_cut_short_or_very_long_is_read_right_or_an_error() {
    let engine = engine!();
    let story = Story::unbuilt(&engine);
    let key = story.key();
    let entry = |number: usize| {
        json!({"Id": format!("sha256:{number:064x}"), "ParentId": "", "RepoDigests": [], "Containers": -1,
            "RepoTags": [format!("{}/api:t{number}", engine.namespace)], "Created": number, "Size": 1,
            "SharedSize": -1, "Labels": {KEY: format!("{number:064x}"), "io.shipwright.image": "api"}})
        .to_string()
    };
    let list = |count: usize| {
        (0..count).fold(String::new(), |mut text, number| {
            let comma = if number == 0 { "" } else { "," };
            write!(text, "{comma}{}", entry(number)).expect("text");
            text
        })
    };
    story.gate.answer(is_list, ok(&format!("[{}", list(3))));
    story.through(&["plan"]).exits(1).says("list images");
    story.gate.answer(is_list, ok(&format!("[{}]", list(50_000))));
    let begun = Instant::now();
    for arguments in [&["plan"][..], &["build"]] {
        story.through(arguments).exits(0);
    }
    // Said, not judged: `--nocapture` shows it.
    writeln!(io::stderr(), "50,000 images, two commands: {:?}", begun.elapsed()).expect("written");
    assert_eq!(story.key(), key);
}
