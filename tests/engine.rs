//! Builds, tags and removes images on a real engine, the one at `SHIPWRIGHT_TEST_DOCKER_HOST`. RUN steps
//! work without a network, so that the engine needs none. Only images of a unique prefix are touched.

#![allow(
    clippy::allow_attributes,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unused_self,
    reason = "a test that does not run says so; a bench is what a test asks for everything"
)]

#[path = "engine/bench.rs"]
mod bench;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::{Bench, MemoryContext, Outcome, file, link};
use shipwright::internals::{
    BuildError, BuildEvent, Builder as _, BuilderKind, ContextEntry, ContextKind, Endpoint, Engine,
    ImageStore as _, Secret, SshAgent,
};

/// A test for each builder, or for `BuildKit` alone.
macro_rules! engine_tests {
    ($($name:ident($builder:expr) = $test:path;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            bench::run($builder, $test).await;
        })*
    };
}

engine_tests! {
    builds_and_names(BuilderKind::BuildKit) = build_and_name;
    classic_builds_and_names(BuilderKind::Classic) = build_and_name;
    equal_sizes_and_times_do_not_mix(BuilderKind::BuildKit) = equal_sizes_and_times;
    a_changed_dockerfile_is_seen(BuilderKind::BuildKit) = changed_dockerfile;
    a_file_that_changed_fails_the_build(BuilderKind::BuildKit) = changed_content;
    classic_a_file_that_changed_fails_the_build(BuilderKind::Classic) = changed_content;
    secrets_reach_run_only(BuilderKind::BuildKit) = secrets;
    ssh_agents_are_forwarded(BuilderKind::BuildKit) = ssh_agents;
    cancelling_stops_the_run(BuilderKind::BuildKit) = cancelling;
    classic_cancelling_stops_the_run(BuilderKind::Classic) = cancelling;
    a_failing_run_gives_line_and_log(BuilderKind::BuildKit) = failing_run;
    classic_a_failing_run_gives_its_log(BuilderKind::Classic) = classic_failing_run;
    a_broken_dockerfile_gives_a_line(BuilderKind::BuildKit) = broken_dockerfile;
    names_that_are_not_text(BuilderKind::BuildKit) = names_not_text;
    classic_names_that_are_not_text(BuilderKind::Classic) = names_not_text;
    many_files(BuilderKind::BuildKit) = twenty_thousand_files;
    classic_many_files(BuilderKind::Classic) = twenty_thousand_files;
    unplanned_files_are_refused(BuilderKind::BuildKit) = unplanned_files;
    looks_up_tags_and_removes(BuilderKind::BuildKit) = looks_up;
    reaches_an_engine_over_tcp(BuilderKind::BuildKit) = over_tcp;
    classic_refuses_what_it_would_get_wrong(BuilderKind::Classic) = classic_refuses;
    dockerfile_is_no_file_of_the_context(BuilderKind::BuildKit) = dockerfile_not_in_context;
    classic_dockerfile_is_no_file_of_the_context(BuilderKind::Classic) = dockerfile_not_in_context;
    arguments_labels_and_targets(BuilderKind::BuildKit) = arguments;
    classic_arguments_labels_and_targets(BuilderKind::Classic) = arguments;
    a_session_leaves_nothing_open(BuilderKind::BuildKit) = nothing_left_open;
    what_others_remove_meanwhile_is_built_all_the_same(BuilderKind::BuildKit) = removed_meanwhile;
    classic_what_others_remove_meanwhile_is_built_all_the_same(BuilderKind::Classic) = removed_meanwhile;
}

async fn build_and_name(bench: &Bench) {
    let token = bench.token();
    let context = MemoryContext::new(vec![
        file("app/main.sh", format!("echo {token}")).executable(),
        file("app/data/x.txt", "x"),
        link("app/current", "data/x.txt"),
    ]);
    let base = bench.base().await;
    let text = format!(
        "FROM {base}\nCOPY app /app\nRUN /app/main.sh && cat /app/current && echo && stat -c 'is %a %u %Y' /app/main.sh\n"
    );
    let (one, two) = (bench.reference("multi:one"), bench.reference("multi:two"));
    let mut request = bench.request(&text, context);
    request.references = vec![one.clone(), two.clone()];
    request.labels.insert("shipwright.test".into(), token.clone());
    let outcome = bench.build(request).await;
    let image = outcome.image();
    let lines = outcome.lines();
    assert!(lines.contains(&token.as_str()), "{lines:?}");
    assert!(lines.contains(&"x"), "{lines:?}");
    assert!(lines.contains(&format!("is 755 0 {}", bench::MODIFIED_SECONDS).as_str()), "{lines:?}");
    assert!(outcome.steps().iter().any(|step| step.completed && step.position.is_some()), "{outcome:?}");
    for reference in [&one, &two] {
        let found = bench.engine.inspect(reference).await.expect("answers").expect("is there");
        assert_eq!(&found.id, image);
        assert_eq!(found.labels["shipwright.test"], token);
        assert!(found.references.contains(&one) && found.references.contains(&two), "{found:?}");
    }
}

/// Two services of one commit: `app.py` of the same size and time, and the same Dockerfile.
async fn equal_sizes_and_times(bench: &Bench) {
    let base = bench.base().await;
    let text = format!("FROM {base}\nCOPY app.py /app.py\nRUN cat /app.py\n");
    let (a, b) = (bench.token(), bench.token());
    for content in [&a, &b, &a] {
        let mut request = bench.request(&text, MemoryContext::new(vec![file("app.py", content.clone())]));
        request.no_cache = true;
        let outcome = bench.build(request).await;
        assert!(outcome.lines().contains(&content.as_str()), "{outcome:?}");
    }
}

/// The files stay, and with them the shared key; only the Dockerfile differs, by one letter.
async fn changed_dockerfile(bench: &Bench) {
    let base = bench.base().await;
    let context = MemoryContext::new(vec![file("x", bench.token())]);
    for word in ["first", "other", "first"] {
        let text = format!("FROM {base}\nCOPY x /\nRUN echo is {word}\n");
        let mut request = bench.request(&text, Arc::clone(&context));
        request.no_cache = true;
        let outcome = bench.build(request).await;
        assert!(outcome.lines().contains(&format!("is {word}").as_str()), "{outcome:?}");
    }
}

async fn changed_content(bench: &Bench) {
    let base = bench.base().await;
    let text = format!("FROM {base}\nCOPY . /x\n");
    let changes: [fn(&str) -> String; 3] = [
        |planned| planned.chars().rev().collect(),
        |planned| format!("{planned}more"),
        |planned| planned[1..].to_owned(),
    ];
    for change in changes {
        let planned = bench.token();
        let actual = change(&planned);
        let name = bench.reference("changed:now");
        let context = MemoryContext::new(vec![
            file("a", "same"),
            file("b", planned.clone()).but_reads(actual.clone()),
            file("c", "same"),
        ]);
        let mut request = bench.request(&text, context);
        request.references = vec![name.clone()];
        let error = bench.build(request).await.error();
        assert!(
            matches!(&error, BuildError::ContextChanged { path, .. } if path == "b"),
            "{actual}: {error:?}"
        );
        assert_eq!(bench.engine.inspect(&name).await.expect("answers"), None);
        // What was read wrong must not stay behind in the engine under the key of what was planned.
        let context =
            MemoryContext::new(vec![file("a", "same"), file("b", planned.clone()), file("c", "same")]);
        let text = format!("FROM {base}\nCOPY b /b\nRUN cat /b\n");
        let mut request = bench.request(&text, context);
        request.no_cache = true;
        let outcome = bench.build(request).await;
        assert!(outcome.lines().contains(&planned.as_str()), "{outcome:?}");
    }
    // A file that is gone.
    let context = MemoryContext::new(vec![file("gone", bench.token()).but_is_gone()]);
    let error = bench.build(bench.request(&text, context)).await.error();
    assert!(matches!(&error, BuildError::ContextChanged { path, .. } if path == "gone"), "{error:?}");
}

async fn secrets(bench: &Bench) {
    let base = bench.base().await;
    let secret = bench.token();
    let text = format!(
        "FROM {base}\nRUN --mount=type=secret,id=token,required test $(wc -c < /run/secrets/token) = {}\n\
         RUN --mount=type=secret,id=token cut -c 1-5 /run/secrets/token && false\n",
        secret.len()
    );
    let mut request = bench.request(&text, MemoryContext::new(vec![]));
    request.secrets = vec![Secret { id: "token".into(), value: secret.clone().into_bytes() }];
    assert!(!format!("{request:?}").contains(&secret));
    let outcome = bench.build(request).await;
    assert!(outcome.lines().contains(&&secret[..5]), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains(&secret), "{outcome:?}");
    let missing = format!("FROM {base}\nRUN --mount=type=secret,id=none,required cat /run/secrets/none\n");
    let error = bench.build(bench.request(&missing, MemoryContext::new(vec![]))).await.error();
    assert!(error.to_string().contains("none"), "{error}");
}

/// The question goes from a RUN step to a socket of this machine, and the answer comes back.
async fn ssh_agents(bench: &Bench) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let socket = folder.path().join("agent.sock");
    let listener = tokio::net::UnixListener::bind(&socket).expect("a socket");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut question = [0; 6];
            stream.read_exact(&mut question).await.expect("a question");
            assert_eq!(&question, b"hello\n");
            stream.write_all(b"agent speaks\n").await.expect("an answer");
        }
    });
    let base = bench.base().await;
    // Busybox cannot speak to such sockets, this program can: it goes into the image with its libraries.
    let (files, command) = bench::this_program();
    let text = format!(
        "FROM {base}\nCOPY . /\nRUN --mount=type=ssh {command} ssh_client --exact --ignored --nocapture\n"
    );
    let mut request = bench.request(&text, MemoryContext::new(files));
    request.no_cache = true;
    request.ssh = vec![SshAgent { id: "default".into(), socket }];
    let outcome = bench.build(request).await;
    assert!(outcome.lines().contains(&"agent speaks"), "{outcome:?}");
}

#[test]
#[ignore = "runs inside a build"]
fn ssh_client() {
    use std::io::{Read as _, Write as _};
    let socket = std::env::var("SSH_AUTH_SOCK").expect("set in RUN");
    let mut agent = std::os::unix::net::UnixStream::connect(socket).expect("connects");
    agent.write_all(b"hello\n").expect("asks");
    agent.shutdown(std::net::Shutdown::Write).expect("closes");
    let mut answer = String::new();
    agent.read_to_string(&mut answer).expect("answers");
    println!("\n{answer}");
}

async fn cancelling(bench: &Bench) {
    let base = bench.base().await;
    let token = bench.token();
    // The process shows up in /proc of this machine, or the test could not tell that it is gone.
    let text = format!("FROM {base}\nRUN echo up && cat /dev/null && sleep 300 && echo {token}\n");
    let name = bench.reference("cancelled:now");
    let mut request = bench.request(&text, MemoryContext::new(vec![]));
    request.references = vec![name.clone()];
    request.no_cache = true;
    let (sender, mut events) = tokio::sync::mpsc::channel(64);
    let build = tokio::spawn({
        let engine = bench.engine.clone();
        async move { engine.build(request, sender).await }
    });
    let up = |event: &BuildEvent| matches!(event, BuildEvent::Log { line, .. } if line == "up");
    let wait = async {
        while let Some(event) = events.recv().await {
            if up(&event) {
                return;
            }
        }
        panic!("the build ended: {:?}", build.is_finished());
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the step begins");
    assert!(bench::is_running(&token), "the step is not seen in /proc");
    // Engine 26.1 loses a cancellation that meets the very start of a RUN, whoever sends it (docker does too).
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(bench::is_running(&token), "the step ended by itself");
    let begun = Instant::now();
    build.abort();
    while bench::is_running(&token) {
        assert!(begun.elapsed() < Duration::from_secs(20), "still running");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(build.await.expect_err("was aborted").is_cancelled());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!bench::is_running(&token), "it came back");
    assert_eq!(bench.engine.inspect(&name).await.expect("answers"), None);
}

/// Equal content is one image for an engine, whoever builds it; its last name takes it away.
async fn removed_meanwhile(bench: &Bench) {
    let files = || MemoryContext::new(vec![file("token", bench.prefix())]);
    let users = (0..6).map(async |user| {
        for round in 0..8 {
            let name = bench.reference(&format!("user-{user}:now"));
            let mut request = bench.request("FROM scratch\nCOPY token /\nENV a=b\n", files());
            request.references = vec![name.clone()];
            let outcome = bench.build(request).await;
            assert!(outcome.result.is_ok(), "round {round}: {:?}", outcome.result);
            bench.engine.remove(&name).await.expect("removes");
        }
    });
    futures_util::future::join_all(users).await;
}

async fn failing_run(bench: &Bench) {
    let base = bench.base().await;
    let token = bench.token();
    let text = format!(
        "# A comment\nFROM {base} AS one\nRUN echo fine\n\nFROM one\nRUN echo {token} && \\\n  echo to stderr >&2 && \\\n  exit 3\nRUN echo never\n"
    );
    let outcome = bench.build(bench.request(&text, MemoryContext::new(vec![]))).await;
    assert!(!outcome.lines().contains(&"never"));
    let BuildError::Failed { message, line, log, .. } = outcome.error() else { panic!("{outcome:?}") };
    assert!(message.contains("exit code: 3"), "{message}");
    assert!(!message.starts_with("failed to solve"), "{message}");
    assert_eq!(line, Some(6), "{message}");
    let mut log = log.clone();
    log.sort();
    assert_eq!(log, [token.as_str(), "to stderr"].map(str::to_owned), "{outcome:?}");
}

async fn classic_failing_run(bench: &Bench) {
    let base = bench.base().await;
    let token = bench.token();
    let text = format!(
        "FROM {base}\nRUN echo fine\nRUN echo {token} && echo to stderr >&2 && exit 3\nRUN echo never\n"
    );
    let outcome = bench.build(bench.request(&text, MemoryContext::new(vec![]))).await;
    let BuildError::Failed { message, log, line, .. } = outcome.error() else { panic!("{outcome:?}") };
    assert!(message.contains('3'), "{message}");
    assert!(log.contains(&token) && !log.iter().any(|line| line == "fine"), "{log:?}");
    assert_eq!(line, Some(3));
}

async fn broken_dockerfile(bench: &Bench) {
    let base = bench.base().await;
    let text = format!("FROM {base}\n\nNONSENSE x\n");
    let error = bench.build(bench.request(&text, MemoryContext::new(vec![]))).await.error();
    let BuildError::Failed { line, message, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*line, Some(3), "{message}");
    assert!(message.to_lowercase().contains("unknown instruction"), "{message}");
    let text = format!("FROM {base}\nCOPY nowhere /\n");
    let error = bench.build(bench.request(&text, MemoryContext::new(vec![]))).await.error();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

async fn names_not_text(bench: &Bench) {
    let base = bench.base().await;
    let context = || {
        let token = file(b"d/\xff\xfe.txt", bench.token());
        MemoryContext::new(vec![token, file("d/é", "e"), link("d/l", b"to-\xff")])
    };
    let text = format!(
        "FROM {base}\nCOPY d /d\nRUN for f in /d/*; do echo -n \"$f\" | od -An -tx1 | tr -d ' \\n'; echo; done && readlink /d/l | od -An -tx1 | tr -d ' \\n' && echo\n"
    );
    let outcome = bench.build_heard(|| bench.request(&text, context())).await;
    let lines = outcome.lines();
    assert!(lines.contains(&"2f642ffffe2e747874"), "{outcome:?}");
    assert!(lines.contains(&"2f642fc3a9"), "{outcome:?}");
    assert!(lines.iter().any(|line| line.starts_with("746f2dff")), "{outcome:?}");
}

async fn twenty_thousand_files(bench: &Bench) {
    let base = bench.base().await;
    let token = bench.token();
    let files = (0..20_000).map(|i| file(format!("d{}/e{}/f{i}", i % 7, i % 101), format!("{token} {i}")));
    let context = MemoryContext::new(files.collect());
    let text =
        format!("FROM {base}\nCOPY . /all\nRUN find /all -type f | wc -l; cat /all/d0/e0/f0 /all/d1/e1/f1\n");
    let outcome = bench.build(bench.request(&text, Arc::clone(&context))).await;
    assert!(outcome.lines().contains(&"20000"), "{outcome:?}");
    assert!(context.most_open() <= 8, "{} files were open at once", context.most_open());
    let sent = |outcome: &Outcome| {
        let sent =
            |event: &BuildEvent| if let BuildEvent::Sent { bytes } = event { Some(*bytes) } else { None };
        outcome.events.iter().filter_map(sent).max().unwrap_or(0)
    };
    assert!(sent(&outcome) >= 20_000 * 34, "{}", sent(&outcome));
    if bench.engine.info().builder == BuilderKind::BuildKit {
        let again = bench.build(bench.request(&text, context)).await;
        again.image();
        assert!(sent(&again) < 1000, "an unchanged context was sent again: {}", sent(&again));
    }
}

async fn unplanned_files(bench: &Bench) {
    let base = bench.base().await;
    let context = MemoryContext::new(vec![file("src/a", "a")]).admitting(&["src"]);
    let text = format!("FROM {base}\nCOPY src /src\nCOPY other /other\n");
    let error = bench.build(bench.request(&text, context)).await.error();
    assert!(matches!(&error, BuildError::ContextExceeded(what) if what.contains("other")), "{error:?}");
}

async fn looks_up(bench: &Bench) {
    let name = |i: usize| bench.reference(&format!("looks:t{i}"));
    let mut request =
        bench.request("FROM scratch\nCOPY x /\n", MemoryContext::new(vec![file("x", bench.token())]));
    request.references = vec![name(0)];
    let image = bench.build(request).await.image().clone();
    for i in (2..20).step_by(2) {
        bench.engine.tag(&name(0), &name(i)).await.expect("tags");
    }
    let names: Vec<_> = (0..20).map(name).collect();
    let found = bench.engine.inspect_all(&names).await.expect("answers");
    for (i, found) in found.iter().enumerate() {
        assert_eq!(found.as_ref().map(|found| &found.id), (i % 2 == 0).then_some(&image), "{i}");
    }
    assert_eq!(found[0].as_ref().expect("there").references.len(), 10);
    assert!(bench.engine.remove(&name(2)).await.expect("removes"));
    assert!(!bench.engine.remove(&name(2)).await.expect("removes"));
    assert_eq!(bench.engine.inspect(&name(2)).await.expect("answers"), None);
    assert!(bench.engine.inspect(&name(0)).await.expect("answers").is_some());
    let error = bench.engine.tag(&name(1), &name(3)).await.expect_err("nothing to tag");
    assert!(error.to_string().contains("no image"), "{error}");
    assert_eq!(bench.engine.containers_using(&image).await.expect("answers"), Vec::<String>::new());
    assert!(!bench.engine.id().await.expect("answers").is_empty());
    let unknown = "localhost:1/nowhere:never".parse().expect("valid");
    let error = bench.engine.pull(&unknown, None).await.expect_err("no registry there");
    assert!(error.to_string().contains("pull localhost:1/nowhere:never"), "{error}");
}

async fn over_tcp(bench: &Bench) {
    let address = bench.tcp_proxy().await;
    let engine = Engine::connect(&Endpoint::Tcp(address)).await.expect("connects");
    let bench = bench.with_engine(engine);
    build_and_name(&bench).await;
}

async fn classic_refuses(bench: &Bench) {
    let base = bench.base().await;
    for (text, line) in
        [(format!("FROM {base}\nRUN <<EOF\nfalse\nEOF\n"), 2), (format!("FROM {base}\nCOPY --link x /\n"), 2)]
    {
        let error = bench.build(bench.request(&text, MemoryContext::new(vec![file("x", "x")]))).await.error();
        assert!(matches!(&error, BuildError::Unsupported { line: Some(at), .. } if *at == line), "{error:?}");
        assert!(error.hint().is_some());
    }
}

/// Neither the text that is built nor anything else of ours is in what COPY sees.
async fn dockerfile_not_in_context(bench: &Bench) {
    let base = bench.base().await;
    let context = MemoryContext::new(vec![file("Dockerfile", bench.token()), file("sub/.dockerignore", "*")]);
    let text = format!(
        "FROM {base}\nCOPY . /all\nRUN cd /all && find . -type f | sort | tr '\\n' ' ' && echo && cat Dockerfile\n"
    );
    let outcome = bench.build(bench.request(&text, Arc::clone(&context))).await;
    let lines = outcome.lines();
    assert!(lines.contains(&"./Dockerfile ./sub/.dockerignore "), "{outcome:?}");
    assert!(lines.iter().any(|line| line.as_bytes() == context.content(0)), "{outcome:?}");
    if bench.engine.info().builder == BuilderKind::BuildKit {
        // Rules have been applied by whoever planned; the file is just a file.
        let context = MemoryContext::new(vec![file(".dockerignore", "*"), file("kept", bench.token())]);
        let text = format!("FROM {base}\nCOPY . /all\nRUN find /all -type f | sort | tr '\\n' ' ' && echo\n");
        let outcome = bench.build(bench.request(&text, context)).await;
        assert!(outcome.lines().contains(&"/all/.dockerignore /all/kept "), "{outcome:?}");
    }
}

async fn arguments(bench: &Bench) {
    let base = bench.base().await;
    let token = bench.token();
    let text = format!(
        "FROM {base} AS one\nARG WORD\nLABEL a=b\nRUN echo \"says $WORD\" && cat /etc/hosts\nFROM {base} AS two\nRUN false\n"
    );
    let mut request = bench.request(&text, MemoryContext::new(vec![]));
    request.build_args.insert("WORD".into(), token.clone());
    request.target = Some("one".into());
    request.labels.insert("a".into(), "c & d".into());
    request.add_hosts = vec!["elsewhere:10.1.2.3".into()];
    let name = bench.reference("arguments:now");
    request.references = vec![name.clone()];
    let outcome = bench.build(request).await;
    outcome.image();
    assert!(outcome.lines().contains(&format!("says {token}").as_str()), "{outcome:?}");
    assert!(outcome.lines().contains(&"10.1.2.3\telsewhere"), "{outcome:?}");
    let image = bench.engine.inspect(&name).await.expect("answers").expect("is there");
    assert_eq!(image.labels["a"], "c & d");
    assert_eq!(image.platform, bench.engine.info().platform);
}

async fn nothing_left_open(bench: &Bench) {
    let address = bench.tcp_proxy().await;
    let engine = Engine::connect(&Endpoint::Tcp(address)).await.expect("connects");
    let open = bench.proxied();
    let text = "FROM scratch\nCOPY x /\n";
    let (sender, _events) = tokio::sync::mpsc::channel(1024);
    let request = bench.request(text, MemoryContext::new(vec![file("x", bench.token())]));
    engine.build(request, sender.clone()).await.expect("builds");
    // One that is dropped half-way.
    let request = bench.request(text, MemoryContext::new(vec![file("x", bench.token())]));
    let dropped = tokio::time::timeout(Duration::from_millis(5), engine.build(request, sender)).await;
    drop(dropped);
    let begun = Instant::now();
    // What the engine's own client keeps alive stays: one connection.
    while open.load(std::sync::atomic::Ordering::SeqCst) > 1 {
        assert!(begun.elapsed() < Duration::from_secs(3), "{open:?} connections are open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn entries_are_plain_data() {
    let entry = ContextEntry { path: vec![], kind: ContextKind::Link { target: vec![] }, modified_ns: 0 };
    assert_eq!(entry.clone(), entry);
}
