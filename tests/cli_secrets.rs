//! What must not be shown: logins and tokens, and characters or words that whoever shows the output would obey.

mod support;

use std::fs;

use support::{Checkout, Run};

fn shop() -> Checkout {
    Checkout::with(&[("api/Dockerfile", "FROM busybox\nARG API_TOKEN\nARG MODE\nRUN true\n")])
}

fn told(run: &Run) -> String {
    format!("{}{}", run.stdout, run.stderr)
}

#[test]
fn a_login_in_an_address_of_an_engine_is_never_repeated() {
    let shop = shop();
    for address in [
        "tcp://ada:hunter2@127.0.0.1:1",
        "tcp://hunter2@127.0.0.1:1",
        "http://ada:hun/ter2@127.0.0.1:1",
        "https://ada:hunter2@127.0.0.1:1",
        "ssh://ada:hunter2@127.0.0.1",
        "ftp://ada:hunter2@127.0.0.1",
        "ada:hunter2@127.0.0.1:1",
        "tcp://127.0.0.1:1/?token=hunter2",
        "tcp://127.0.0.1:1#hunter2",
        "npipe://ada:hunter2@./x",
    ] {
        let events = shop.beside("events");
        let file = events.to_string_lossy().into_owned();
        for format in ["plain", "json"] {
            let arguments = ["build", "--progress", format, "--events", &file];
            let by_variable = shop.run_with(&[("DOCKER_HOST", address)], &arguments);
            let by_flag = shop.run(&[&arguments[..], &["-H", address]].concat());
            for run in [by_variable, by_flag] {
                assert!(matches!(run.code, 2 | 3), "{address}: {run:?}");
                let told = told(&run) + &fs::read_to_string(&events).unwrap_or_default();
                assert!(!told.contains("hunter2") && !told.contains("ter2"), "{address}: {told}");
                assert!(
                    run.stderr.contains("127.0.0.1") || run.stderr.contains("npipe"),
                    "{address}: {run:?}"
                );
            }
        }
    }
}

#[test]
fn a_login_in_the_name_of_a_registry_is_never_repeated() {
    let shop = shop();
    for name in [
        "https://ada:hunter2@ghcr.io/acme",
        "ada:hunter2@ghcr.io/acme",
        "hunter2@ghcr.io",
        "https://ghcr.io/?token=hunter2",
    ] {
        let run = shop.run(&["push", "--registry", name]).exits(2);
        assert!(!told(&run).contains("hunter2"), "{name}: {run:?}");
        run.says("ghcr.io");
        for key in ["registry", "insecure_registries"] {
            let value = if key == "registry" { format!("\"{name}\"") } else { format!("[\"{name}\"]") };
            shop.write("shipwright.toml", format!("{key} = {value}\n"));
            let run = shop.run(&["plan", "--offline"]).exits(2);
            assert!(!told(&run).contains("hunter2"), "{name}: {run:?}");
            run.says("ghcr.io").says("shipwright.toml");
            shop.remove("shipwright.toml");
        }
    }
}

#[test]
fn values_of_arguments_that_look_like_secrets_are_masked() {
    let shop = shop();
    let explain = |value: &str| {
        let argument = format!("API_TOKEN={value}");
        let arguments = ["plan", "--offline", "--explain", "api", "--build-arg", &argument];
        shop.run(&[&arguments[..], &["--build-arg", "MODE=fast"]].concat()).exits(0)
    };
    let run = explain("hunter2");
    assert!(!told(&run).contains("hunter2"), "{run:?}");
    assert!(run.stdout.contains("API_TOKEN=*** (masked)"), "{run:?}");
    assert!(run.stdout.contains("MODE=fast"), "{run:?}");
    // What is masked is an input all the same.
    assert_ne!(run.stdout, explain("hunter3").stdout);
}

#[test]
fn an_unhashed_argument_is_said_to_stand_in_the_history_once() {
    let shop = shop();
    shop.write("b/Dockerfile", "FROM busybox\nARG API_TOKEN\n");
    let run = shop.run(&["plan", "--offline", "--unhashed-build-arg", "API_TOKEN=hunter2"]).exits(0);
    assert!(!told(&run).contains("hunter2"), "{run:?}");
    assert_eq!(run.stderr.matches("history").count(), 1, "{run:?}");
    run.says("API_TOKEN").says("--secret");
    let run = shop.run(&["plan", "--offline"]).exits(0);
    assert!(!run.stderr.contains("history"), "{run:?}");
}

/// Characters that nobody sees or that change what is seen, and words that a CI system obeys.
const OBEYED: [&str; 22] = [
    "\u{61c}",
    "\u{2028}",
    "\u{2029}",
    "\u{200b}",
    "\u{200d}",
    "\u{200e}",
    "\u{202e}",
    "\u{2060}",
    "\u{2064}",
    "\u{2066}",
    "\u{206f}",
    "\u{feff}",
    "\u{e0041}",
    "\u{e0100}",
    "\u{ad}",
    "\u{3164}",
    "\u{1b}]0;x\u{7}",
    "\u{9b}31m",
    "##vso[task.setvariable variable=x]y",
    "##[error]x",
    "##teamcity[buildStop]",
    "\rsection_start:1:x\r\u{1b}[0K",
];

#[test]
fn what_would_be_obeyed_is_shown_as_an_escape_everywhere() {
    let checkout = Checkout::empty();
    let mut names = String::from("tags = []\n[names]\n");
    for (number, obeyed) in OBEYED.iter().enumerate() {
        let name = obeyed.replace('/', "_");
        let wrong = format!("FROM busybox\nCOPY x{name} /\nCPOY {obeyed}\n");
        checkout.write(&format!("api{number}/Dockerfile"), wrong);
        checkout.write(&format!("{name}/Dockerfile"), "FROM busybox\nCOPY . /\n");
        let key: Vec<String> = name.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
        let key = key.concat();
        names += &format!("\"{key}\" = \"A {key}\"\n");
    }
    checkout.commit("x");
    let ask = |arguments: &[&str]| {
        let system = [("", ""), ("GITHUB_ACTIONS", "true"), ("GITLAB_CI", "true"), ("TF_BUILD", "True")];
        let texts = system.map(|(name, value)| {
            let variables: &[_] = if name.is_empty() { &[] } else { &[(name, value)] };
            let run = checkout.run_with(variables, arguments);
            if arguments.contains(&"json") && !run.stdout.is_empty() {
                run.json();
            }
            told(&run)
        });
        texts.concat()
    };
    let mut all = String::new();
    for with_settings in [false, true] {
        if with_settings {
            checkout.write("shipwright.toml", &names);
        }
        for arguments in [
            &["plan", "--offline", "-v"][..],
            &["plan", "--offline", "--format", "json"],
            &["graph", "--offline"],
            &["images", "--offline", "-v"],
            &["inspect", "api3/Dockerfile"],
            &["inspect", "api18/Dockerfile"],
            &["inspect", "api20/Dockerfile", "--format", "json"],
        ] {
            let text = ask(arguments);
            let raw: Vec<char> = text
                .chars()
                .filter(|c| *c != '\n' && (c.is_control() || OBEYED.iter().any(|obeyed| obeyed.contains(*c))))
                .filter(|c| !c.is_ascii() || c.is_control())
                .collect();
            assert!(raw.is_empty(), "{raw:?} in {arguments:?}: {text}");
            for word in ["##vso[", "##[", "##teamcity["] {
                assert!(!text.contains(word), "{arguments:?}: {text}");
            }
            all += &text;
        }
    }
    for obeyed in OBEYED.iter().filter(|obeyed| !obeyed.is_ascii()) {
        let shown = obeyed.chars().next().expect("one").escape_unicode().to_string();
        assert!(all.contains(&shown), "{shown} is nowhere in {all}");
    }
}
