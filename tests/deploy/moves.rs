//! Moves that end well, and moves that are taken back.

use std::io::{Read, Write};

use crate::deploy::{Dock, SERVE, of_others};
use crate::support::{Checkout, Run, text};

macro_rules! dock {
    () => {
        match Dock::new() {
            Some(dock) => dock,
            None => return,
        }
    };
}

/// Sorted: `docker run` sends several `-e` in an order of its own at each call.
fn environment(dock: &Dock, name: &str) -> Vec<String> {
    let listed = dock.inspect(name)["Config"]["Env"].clone();
    let listed = listed.as_array().expect("a list").iter().map(text);
    let mut variables: Vec<_> = listed.filter(|it| !it.starts_with("PATH=")).collect();
    variables.sort();
    variables
}

#[test]
fn what_the_user_gave_stays_and_what_the_old_image_brought_goes() {
    let dock = dock!();
    let one =
        dock.image("api:1", &format!("ENV A=1 OLD=1\nLABEL l=1 old=1\nVOLUME /data\nEXPOSE 80\n{SERVE}"));
    let two =
        dock.image("api:2", &format!("ENV A=2 NEW=1 U=image\nLABEL l=2\nVOLUME /data\nEXPOSE 81\n{SERVE}"));
    dock.runs("bystander", &["--volume", "/kept"], &one);
    dock.runs("web", &["-e", "U=image", "-e", "MINE=1", "-v", "/anon", "--label", "mine=1"], &one);
    let name = dock.name("web");
    dock.engine.docker(&["exec", &name, "sh", "-c", "echo kept >/data/f; echo kept >/anon/f"]);
    let before = of_others(&dock.engine);
    let run = dock.deploy("web", &two, &[]).exits(0);
    assert!(run.stderr.contains("runs"), "{run:?}");
    dock.only(&["bystander", "web"]);
    let web = dock.inspect("web");
    assert_eq!(environment(&dock, "web"), ["A=2", "MINE=1", "NEW=1", "U=image"]);
    let labels = &web["Config"]["Labels"];
    assert_eq!((&labels["l"], &labels["mine"], labels.get("old")), (&"2".into(), &"1".into(), None));
    assert_eq!(dock.engine.docker(&["exec", &name, "cat", "/data/f", "/anon/f"]), "kept\nkept");
    assert_eq!(
        (dock.id(&dock.reference("api:current")), dock.id(&dock.reference("api:previous"))),
        (dock.id(&two), dock.id(&one))
    );
    // What the user gave and the second image has as well is the user's with a third one, too.
    let three = dock.image("api:3", &format!("ENV A=3 U=other\n{SERVE}"));
    dock.deploy("web", &three, &[]).exits(0);
    assert_eq!(environment(&dock, "web"), ["A=3", "MINE=1", "U=image"]);
    dock.deploy("web", &three, &[]).exits(0).says("already");
    let id = text(&dock.inspect("web")["Id"]);
    dock.deploy("web", &three, &["--force"]).exits(0);
    assert_ne!(text(&dock.inspect("web")["Id"]), id);
    assert_eq!(
        dock.id(&dock.reference("api:previous")),
        dock.id(&two),
        "a forced move goes back as far as before"
    );
    dock.has_left_alone(&before, "of three moves");
}

#[test]
fn a_dry_run_shows_the_difference_without_values_and_changes_nothing() {
    let dock = dock!();
    let one = dock.image("api:1", &format!("ENV TOKEN=s3cr3t\n{SERVE}"));
    let two = dock.image("api:2", &format!("ENV TOKEN=0th3r\nLABEL l=2\n{SERVE}"));
    dock.runs("web", &[], &one);
    let before = dock.inspect("web");
    let run = dock.deploy("web", &two, &["--dry-run"]).exits(0);
    assert!(run.stdout.contains("+ Config.Labels.l: \"2\""), "{run:?}");
    assert!(run.stdout.contains("- Config.Env.TOKEN: ***"), "{run:?}");
    assert!(!run.stdout.contains("s3cr3t") && !run.stdout.contains("0th3r"), "{run:?}");
    let run = dock.deploy("web", &two, &["--dry-run", "--show-values"]).exits(0);
    assert!(run.stdout.contains("s3cr3t") && run.stdout.contains("0th3r"), "{run:?}");
    assert_eq!(dock.inspect("web"), before);
    dock.only(&["web"]);
}

#[test]
fn a_new_one_that_ends_is_shown_and_the_old_one_is_back() {
    let dock = dock!();
    let (one, _) = dock.images();
    let bad = dock.image(
        "api:bad",
        r#"VOLUME /data
CMD ["sh","-c","echo no such database; exit 7"]"#,
    );
    dock.runs("web", &["-v", "/anon", "-p", "127.0.0.1:18081:80"], &one);
    let name = dock.name("web");
    dock.engine.docker(&["exec", &name, "sh", "-c", "echo kept >/anon/f"]);
    let (before, others) = (dock.inspect("web"), of_others(&dock.engine));
    let run = dock.run(&["deploy", &name, &bad, "--grace", "2"]).exits(1);
    let run = run.says("no such database").says("exit code 7");
    assert!(run.stderr.contains("what ran before is back and runs"), "{run:?}");
    dock.only(&["web"]);
    let after = dock.inspect("web");
    assert_eq!((&after["Id"], &after["Name"]), (&before["Id"], &before["Name"]));
    assert_eq!(dock.engine.docker(&["exec", &name, "cat", "/anon/f"]), "kept");
    dock.has_left_alone(&others, "no volume of the new one is left");
    assert!(!dock.engine.has("api:current"), "no tag has moved");
    // One that cannot even be started.
    let broken = dock.image("api:broken", r#"ENTRYPOINT ["/no/such/program"]"#);
    dock.run(&["deploy", &name, &broken]).exits(1).says("/no/such/program");
    dock.only(&["web"]);
    // One that cannot be made.
    dock.run(&["deploy", &name, &dock.reference("api:missing")]).exits(4);
    dock.only(&["web"]);
}

#[test]
fn a_health_check_and_a_probe_decide() {
    let dock = dock!();
    let (one, two) = dock.images();
    let check =
        |test: &str| format!("HEALTHCHECK --interval=300ms --timeout=1s --retries=2 CMD {test}\n{SERVE}");
    let sick = dock.image("api:sick", &check("echo sick; false"));
    let late = dock.image("api:late", &check("test -e /ready || { touch /ready; false; }"));
    dock.runs("web", &[], &one);
    let id = text(&dock.inspect("web")["Id"]);
    dock.deploy("web", &sick, &[]).exits(1).says("health check fails").says("sick");
    dock.only(&["web"]);
    assert_eq!(text(&dock.inspect("web")["Id"]), id);
    dock.deploy("web", &late, &[]).exits(0);
    assert_eq!(text(&dock.inspect("web")["State"]["Health"]["Status"]), "healthy");
    dock.deploy("web", &two, &["--probe", "test \"$V\" = 2"]).exits(0);
    let name = dock.name("web");
    let mut late = dock.command(&["deploy", &name, &one, "--grace", "0", "--probe", "exit 3"]);
    let run = Run::of(&late.output().expect("it runs"));
    run.exits(1).says("the probe ended with exit code 3");
    assert_eq!(text(&dock.inspect("web")["Config"]["Image"]), two);
    dock.only(&["web"]);
}

/// Answers requests with these statuses, the last one again and again.
fn answers(statuses: &'static [&'static str]) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let last = statuses.last().copied().into_iter().cycle();
        for (client, status) in listener.incoming().zip(statuses.iter().copied().chain(last)) {
            let Ok(mut client) = client else { return };
            let _ = client.read(&mut [0; 1024]);
            let _ = write!(client, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    address
}

#[test]
fn an_address_is_asked_from_here() {
    let dock = dock!();
    let (one, two) = dock.images();
    let short = dock.image("api:short", r#"CMD ["sleep","1"]"#);
    dock.runs("web", &[], &one);
    let late = answers(&["503 Busy", "302 Found"]);
    dock.deploy("web", &two, &["--probe", &late]).exits(0);
    let never = answers(&["500 Broken"]);
    let run = dock.deploy("web", &short, &["--probe", &never]).exits(1);
    assert!(run.stderr.contains(&format!("the probe of {never} failed: it answers 500")), "{run:?}");
    assert_eq!(text(&dock.inspect("web")["Config"]["Image"]), two);
    dock.run(&["deploy", &dock.name("web"), &one, "--probe", "http://"]).exits(2).says("--probe");
    dock.only(&["web"]);
}

#[test]
fn a_container_that_does_not_run_is_made_anew_and_not_started() {
    let dock = dock!();
    let (one, two) = dock.images();
    dock.engine.docker(&["create", "--name", &dock.name("web"), &one]);
    dock.deploy("web", &two, &[]).exits(0);
    assert_eq!(dock.containers(), [("web".to_owned(), false)].into());
    assert_eq!(text(&dock.inspect("web")["Image"]), dock.id(&two));
}

#[test]
fn one_that_its_engine_removes_when_it_stops_is_put_back_as_well() {
    let dock = dock!();
    let (one, two) = dock.images();
    let bad = dock.image("api:bad", r#"CMD ["sh","-c","echo gone; exit 7"]"#);
    dock.runs("web", &["--rm", "-e", "MINE=1", "-v", "/anon"], &one);
    let name = dock.name("web");
    dock.engine.docker(&["exec", &name, "sh", "-c", "echo kept >/anon/f"]);
    dock.run(&["deploy", &name, &bad, "--grace", "2"]).exits(1);
    dock.only(&["web"]);
    assert_eq!(text(&dock.inspect("web")["Image"]), dock.id(&one));
    assert_eq!(dock.engine.docker(&["exec", &name, "cat", "/anon/f"]), "kept");
    dock.deploy("web", &two, &[]).exits(0);
    dock.only(&["web"]);
    let web = dock.inspect("web");
    assert_eq!((text(&web["Image"]), &web["HostConfig"]["AutoRemove"]), (dock.id(&two), &true.into()));
    assert!(environment(&dock, "web").contains(&"MINE=1".to_owned()));
    assert_eq!(dock.engine.docker(&["exec", &name, "cat", "/anon/f"]), "kept");
}

#[test]
fn ports_and_fixed_addresses_are_released_and_taken_back() {
    let dock = dock!();
    let (one, two) = dock.images();
    let bad = dock.image("api:bad", r#"CMD ["false"]"#);
    let network = dock.name("net");
    dock.engine.docker(&["network", "create", "--subnet", "10.123.45.0/24", &network]);
    let flags =
        ["--network", &network, "--ip", "10.123.45.9", "--network-alias", "al", "-p", "127.0.0.1:18082:80"];
    dock.runs("web", &flags, &one);
    let further = dock.name("further");
    dock.engine.docker(&["network", "create", &further]);
    dock.engine.docker(&["network", "connect", "--alias", "other", &further, &dock.name("web")]);
    let check = |image: &str| {
        let web = dock.inspect("web");
        assert_eq!(text(&web["Image"]), dock.id(image));
        let networks = &web["NetworkSettings"]["Networks"];
        assert_eq!(networks[&network]["IPAddress"], "10.123.45.9");
        let id = text(&web["Id"]);
        let aliases = |network: &str| -> Vec<String> {
            let aliases = networks[network]["Aliases"].as_array().expect("aliases");
            aliases.iter().map(text).filter(|alias| !id.starts_with(alias.as_str())).collect()
        };
        assert_eq!((aliases(&network), aliases(&further)), (vec!["al".to_owned()], vec!["other".to_owned()]));
        assert_eq!(web["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"], "18082");
    };
    dock.run(&["deploy", &dock.name("web"), &bad, "--grace", "1"]).exits(1);
    check(&one);
    dock.deploy("web", &two, &[]).exits(0);
    check(&two);
    dock.run(&["rollback", &dock.name("web"), "--grace", "0"]).exits(0);
    check(&one);
    dock.only(&["web"]);
}

#[test]
fn containers_that_share_its_network_are_made_anew_after_it() {
    let dock = dock!();
    let (one, two) = dock.images();
    let bad = dock.image("api:bad", r#"CMD ["false"]"#);
    dock.runs("web", &["--hostname", "webhost", "--expose", "81"], &one);
    let shared = format!("container:{}", dock.name("web"));
    dock.runs("side", &["--network", &shared, "-e", "MINE=1"], &one);
    dock.runs("pid", &["--pid", &shared], &one);
    let shares = |name: &str, field: &str| {
        let mode = text(&dock.inspect(name)["HostConfig"][field]);
        assert_eq!(mode, format!("container:{}", text(&dock.inspect("web")["Id"])), "{name}");
    };
    dock.run(&["deploy", &dock.name("web"), &bad, "--grace", "1"]).exits(1);
    dock.only(&["pid", "side", "web"]);
    assert_eq!(dock.engine.docker(&["exec", &dock.name("side"), "hostname"]), "webhost");
    let run = dock.deploy("web", &two, &[]).exits(0);
    assert!(run.stderr.contains("made anew with it"), "{run:?}");
    dock.only(&["pid", "side", "web"]);
    shares("side", "NetworkMode");
    shares("pid", "PidMode");
    assert_eq!(text(&dock.inspect("side")["Image"]), dock.id(&one));
    assert!(environment(&dock, "side").contains(&"MINE=1".to_owned()));
    assert_eq!(dock.engine.docker(&["exec", &dock.name("side"), "hostname"]), "webhost");
}

#[test]
fn rollback_goes_back_with_the_settings_of_then_and_forth_again() {
    let dock = dock!();
    let (one, two) = dock.images();
    dock.runs("web", &["-e", "MINE=1", "--memory", "64m"], &one);
    let name = dock.name("web");
    dock.run(&["rollback", &name]).exits(2).says("nothing says what");
    dock.deploy("web", &two, &[]).exits(0);
    dock.engine.docker(&["update", "--memory", "32m", "--memory-swap", "64m", &name]);
    let listed = dock.run(&["rollback", &name, "--list"]).exits(0).stdout;
    assert!(listed.contains(&one) && listed.contains(&two), "{listed}");
    dock.run(&["rollback", &name, "--grace", "0"]).exits(0);
    let web = dock.inspect("web");
    assert_eq!(text(&web["Config"]["Image"]), one);
    assert_eq!(web["HostConfig"]["Memory"], 64 << 20);
    assert_eq!(environment(&dock, "web"), ["MINE=1", "V=1"]);
    dock.run(&["rollback", &name, "--grace", "0"]).exits(0);
    let web = dock.inspect("web");
    assert_eq!((text(&web["Image"]), &web["HostConfig"]["Memory"]), (dock.id(&two), &(32 << 20).into()));
    // A new one that fails leaves what is there, also on the way back.
    dock.run(&["rollback", &name, "--probe", "false", "--grace", "0"]).exits(1);
    assert_eq!(text(&dock.inspect("web")["Image"]), dock.id(&two));
    dock.only(&["web"]);
}

#[test]
fn nothing_dangles_after_many_moves() {
    let dock = dock!();
    dock.image("api:now", &format!("ENV V=0\n{SERVE}"));
    dock.runs("web", &[], &dock.reference("api:now"));
    let others = of_others(&dock.engine);
    for round in 1..=3 {
        // As a pull moves a tag: what it named before has no name any more.
        dock.image("api:now", &format!("ENV V={round}\n{SERVE}"));
        dock.run(&["deploy", &dock.name("web"), "--grace", "0"]).exits(0);
    }
    let tags = dock.engine.docker(&["images", "--format", "{{.Tag}}", &dock.reference("api")]);
    let mut tags: Vec<&str> = tags.lines().collect();
    tags.sort_unstable();
    assert_eq!(tags, ["current", "now", "previous"]);
    assert_eq!(environment(&dock, "web"), ["V=3"]);
    dock.has_left_alone(&others, "no image without a name is left");
}

#[test]
fn an_image_of_the_checkout_is_built_and_labels_say_which() {
    let dock = dock!();
    let engine = &dock.engine;
    let checkout =
        Checkout::with(&[("api/Dockerfile", &format!("FROM busybox\nCOPY v /v\n{SERVE}\n")), ("api/v", "1")]);
    dock.runs("web", &["-e", "MINE=1"], "busybox");
    // busybox has no program that runs on.
    engine.docker(&["rm", "--force", &dock.name("web")]);
    dock.engine.docker(&[
        "run",
        "--detach",
        "--name",
        &dock.name("web"),
        "--init",
        "-e",
        "MINE=1",
        "busybox",
        "sleep",
        "1000",
    ]);
    engine.docker(&["rm", "--force", &dock.name("web")]);
    engine.run(&checkout, &["build"]).exits(0);
    dock.runs("web", &["-e", "MINE=1"], &dock.reference("api:main"));
    checkout.write("api/v", "2");
    checkout.commit("second");
    let name = dock.name("web");
    engine.run(&checkout, &["deploy", &name, "api", "--grace", "0"]).exits(0);
    assert_eq!(engine.docker(&["exec", &name, "cat", "/v"]), "2");
    let labels = dock.inspect("web")["Config"]["Labels"].clone();
    assert_eq!(labels["io.shipwright.deploy.checkout"], "shop");
    assert_eq!(labels["io.shipwright.deploy.key"], labels["io.shipwright.key"]);
    assert!(text(&labels["io.shipwright.deploy.revision"]).starts_with(&checkout.head()));
    // Without an image, what it runs is resolved anew: here it is this checkout's.
    checkout.write("api/v", "3");
    engine.run(&checkout, &["deploy", &name, "--grace", "0"]).exits(0);
    assert_eq!(engine.docker(&["exec", &name, "cat", "/v"]), "3");
    let labels = dock.inspect("web")["Config"]["Labels"].clone();
    assert_eq!(labels.get("io.shipwright.deploy.revision"), None, "it holds what no commit has");
    engine.run(&checkout, &["rollback", &name, "--grace", "0"]).exits(0);
    assert_eq!(engine.docker(&["exec", &name, "cat", "/v"]), "2");
    let labels = dock.inspect("web")["Config"]["Labels"].clone();
    assert_eq!(labels["io.shipwright.deploy.key"], labels["io.shipwright.key"]);
    // Prune keeps what a rollback needs.
    engine.run(&checkout, &["prune", "--yes", "--keep", "1"]).exits(0);
    engine.run(&checkout, &["rollback", &name, "--grace", "0"]).exits(0);
    dock.only(&["web"]);
}

#[test]
fn what_cannot_be_moved_is_refused() {
    let dock = dock!();
    let (one, two) = dock.images();
    dock.run(&["deploy", &dock.name("none"), &one]).exits(2).says("no container");
    dock.run(&["deploy", "../images", &one]).exits(2).says("not the name of a container");
    dock.runs("web", &[], &one);
    dock.engine.docker(&["pause", &dock.name("web")]);
    dock.deploy("web", &two, &[]).exits(2).says("paused").says("docker unpause");
    dock.engine.docker(&["unpause", &dock.name("web")]);
    dock.only(&["web"]);
    dock.run(&["deploy", &dock.name("web"), &one, "--offline"]).exits(2);
    let name = dock.name("web");
    let run = Run::of(
        &dock.command(&["deploy", &name, &one]).env("DOCKER_HOST", "unix:///nowhere").output().expect("runs"),
    );
    run.exits(3);
}
