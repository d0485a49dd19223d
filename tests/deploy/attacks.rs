//! Deployments that are killed or cut off at every request, and two at once.

use std::process::Stdio;

use crate::deploy::proxy::{Counted, Proxy, What, When};
use crate::deploy::{Dock, of_others};
use crate::support::{Run, Running, Share, text};

macro_rules! dock {
    () => {
        match Dock::new() {
            Some(dock) => dock,
            None => return,
        }
    };
}

/// More requests than a deployment has.
const MOST: usize = 200;

/// Runs one deployment to `image` through the proxy, and gives how it ended.
fn through(dock: &Dock, proxy: &Proxy, name: &str, image: &str) -> Run {
    let name = dock.name(name);
    let mut command = dock.command(&["deploy", &name, image, "--grace", "0"]);
    command.env("DOCKER_HOST", proxy.host()).stdin(Stdio::null());
    let running = Running::of(&mut command);
    proxy.process(running.0.id());
    running.end()
}

fn data(dock: &Dock) -> String {
    dock.engine.docker(&["exec", &dock.name("web"), "cat", "/data/f", "/anon/f"])
}

/// Where the data is.
fn volumes(dock: &Dock) -> Vec<String> {
    let mut volumes = dock.anonymous_volumes(&["web"]);
    volumes.sort();
    volumes
}

/// A container with data in volumes, and the two images that it goes between.
fn prepared(dock: &Dock) -> [String; 2] {
    let images = ["1", "2"].map(|version| {
        let lines = format!("ENV V={version}\nVOLUME /data\n{}", crate::deploy::SERVE);
        dock.image(&format!("api:{version}"), &lines)
    });
    dock.runs("web", &["-v", "/anon", "--rm=false"], &images[0]);
    dock.engine.docker(&["exec", &dock.name("web"), "sh", "-c", "echo 1 >/data/f; echo 2 >/anon/f"]);
    images
}

/// What is there whatever happened: one that runs, or a state that the next deployment repairs.
fn attacked_at_every(counted: Counted, when: When, what: What) {
    let dock = dock!();
    let images = prepared(&dock);
    let proxy = Proxy::start(dock.engine.host());
    let others = of_others(&dock.engine);
    let (ids, volumes_of_data) = (images.each_ref().map(|image| dock.id(image)), volumes(&dock));
    let mut next = 1;
    // Of questions a part will do: they are asked in one way.
    let step = if counted == Counted::Questions { 4 } else { 1 };
    // What is left after a change is what is left before the next one: with both kinds of test, each engine meets every state.
    let share = if counted == Counted::Changes { Share::of_this_engine() } else { Share::All };
    for number in (1..MOST).step_by(step).filter(|number| share.has(*number)) {
        let image = &images[next];
        proxy.at(counted, number, when, what);
        let run = through(&dock, &proxy, "web", image);
        let requests = proxy.requests();
        let at = requests.get(number - 1).cloned().unwrap_or_else(|| "none".to_owned());
        let context = format!("{when:?} request {number}, {at}: {run:?}");
        if requests.len() < number {
            run.exits(0);
            break;
        }
        let running: Vec<_> = dock.containers().into_iter().filter(|(_, runs)| *runs).collect();
        assert!(running.len() <= 1, "both run. {context}");
        if what == What::Cut {
            // Whatever it could not do it has taken back, unless it was told that the engine is lost.
            assert!([0, 1, 3, 4].contains(&run.code), "{context}");
            assert_eq!(running.len(), 1, "{context}");
        }
        let repaired = dock.deploy("web", image, &[]);
        assert_eq!(repaired.code, 0, "{context}\nthen {repaired:?}");
        assert_eq!(dock.containers(), [("web".to_owned(), true)].into(), "{context}");
        assert_eq!(text(&dock.inspect("web")["Image"]), ids[next], "{context}");
        assert_eq!(volumes(&dock), volumes_of_data, "{context}");
        next = 1 - next;
    }
    assert_eq!(data(&dock), "1\n2", "{what:?} {when:?}");
    dock.has_left_alone(&others, &format!("{what:?} {when:?}"));
}

#[test]
fn killed_before_every_change() {
    attacked_at_every(Counted::Changes, When::Before, What::Kill);
}

#[test]
fn killed_after_every_change() {
    attacked_at_every(Counted::Changes, When::After, What::Kill);
}

#[test]
fn cut_off_before_every_change() {
    attacked_at_every(Counted::Changes, When::Before, What::Cut);
}

#[test]
fn cut_off_after_every_change() {
    attacked_at_every(Counted::Changes, When::After, What::Cut);
}

#[test]
fn cut_off_at_questions() {
    attacked_at_every(Counted::Questions, When::After, What::Cut);
}

#[test]
fn rollback_looks_after_a_deployment_that_was_killed() {
    let dock = dock!();
    let images = prepared(&dock);
    let proxy = Proxy::start(dock.engine.host());
    proxy.at(Counted::Changes, MOST, When::Before, What::Kill);
    through(&dock, &proxy, "web", &images[1]).exits(0);
    let renames: Vec<usize> =
        (1..).zip(proxy.requests()).filter(|(_, it)| it.contains("/rename")).map(|(at, _)| at).collect();
    dock.deploy("web", &images[0], &[]).exits(0);
    // With the old one put aside, and the new one not yet in its place.
    proxy.at(Counted::Changes, renames[0], When::After, What::Kill);
    through(&dock, &proxy, "web", &images[1]);
    assert!(dock.try_inspect(&dock.name("web")).is_none(), "{:?}", dock.containers());
    let run = dock.run(&["rollback", &dock.name("web"), "--grace", "0"]).exits(0);
    assert!(run.stderr.contains("an earlier deployment"), "{run:?}");
    dock.only(&["web"]);
    assert_eq!(text(&dock.inspect("web")["Image"]), dock.id(&images[1]), "before the deployment it was that");
}

#[test]
fn a_container_that_somebody_made_in_between_is_not_touched() {
    let dock = dock!();
    let images = prepared(&dock);
    let proxy = Proxy::start(dock.engine.host());
    proxy.at(Counted::Changes, MOST, When::Before, What::Kill);
    through(&dock, &proxy, "web", &images[1]).exits(0);
    let at = proxy.requests().iter().position(|it| it.contains("/rename")).expect("a rename") + 1;
    proxy.at(Counted::Changes, at, When::After, What::Kill);
    through(&dock, &proxy, "web", &images[0]);
    let theirs = dock.runs("web", &["--rm=false"], &images[0]);
    let before = dock.containers();
    let run = dock.deploy("web", &images[1], &[]).exits(1);
    assert!(run.stderr.contains("somebody else made"), "{run:?}");
    assert_eq!(text(&dock.inspect("web")["Id"]), theirs);
    assert!(dock.containers().is_superset(&before), "nothing is lost: {:?}", dock.containers());
    // Once they have removed theirs, what ran before is put back.
    dock.engine.docker(&["rm", "--force", &theirs]);
    dock.deploy("web", &images[0], &[]).exits(0);
    dock.only(&["web"]);
    assert_eq!(data(&dock), "1\n2");
}

#[test]
fn two_at_once_do_not_meet() {
    let dock = dock!();
    let images = prepared(&dock);
    let name = dock.name("web");
    for round in 0..3 {
        let image = &images[(round + 1) % 2];
        let starts = || Running::of(&mut dock.command(&["deploy", &name, image, "--grace", "1", "--force"]));
        let ended = [starts(), starts()].map(Running::end);
        for run in ended {
            run.exits(0);
        }
        dock.only(&["web"]);
        assert_eq!(data(&dock), "1\n2");
    }
    // Another user has locks of his own, and meets the container that is a lock.
    let home = tempfile::tempdir().expect("a folder");
    let first = Running::of(&mut dock.command(&["deploy", &name, &images[0], "--grace", "4", "--force"]));
    while dock.try_inspect(&format!("{name}.shipwright-lock")).is_none() {
        std::thread::yield_now();
    }
    let mut other = dock.command(&["deploy", &name, &images[1], "--grace", "0"]);
    let run = Run::of(&other.env("HOME", home.path()).output().expect("it runs")).exits(1);
    let run = run.says("is moving").says("wait for it");
    assert!(run.stderr.contains(&format!("process {}", first.0.id())), "{run:?}");
    first.end().exits(0);
    dock.only(&["web"]);
    assert_eq!(text(&dock.inspect("web")["Image"]), dock.id(&images[0]));
}

#[test]
fn an_interrupted_one_is_taken_back() {
    let dock = dock!();
    let images = prepared(&dock);
    let before = text(&dock.inspect("web")["Id"]);
    let mut command = dock.command(&["deploy", &dock.name("web"), &images[1], "--grace", "60"]);
    let running = Running::of(&mut command);
    while dock
        .try_inspect(&dock.name("web"))
        .is_none_or(|web| text(&web["Id"]) == before || web["State"]["Running"] != true)
    {
        std::thread::yield_now();
    }
    let process = running.0.id().to_string();
    assert!(
        std::process::Command::new("kill").args(["-INT", &process]).status().expect("kill runs").success()
    );
    running.end().exits(130).says("what ran before is back");
    dock.only(&["web"]);
    assert_eq!(text(&dock.inspect("web")["Id"]), before);
}
