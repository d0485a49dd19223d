//! Containers that are made the first time: what `docker run` would have made of the same flags, or nothing.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::deploy::proxy::{Counted, Proxy, What, When};
use crate::deploy::{Dock, SERVE, of_others};
use crate::flags::{ALONE, TOGETHER, compare, normal, with_its_network};
use crate::support::{Checkout, Running, Share, text};

macro_rules! dock {
    () => {
        match Dock::new() {
            Some(dock) => dock,
            None => return,
        }
    };
}

/// Further flags, of which `deploy` keeps nothing that the other table does not have.
const MORE: &[&[&str]] = &[
    &["-it", "--env", "HOME_OF=a b", "-e", "UNSET_ANYWHERE", "-u", "1000", "-w", "/tmp", "-l", "alone"],
    &[
        "--network",
        "name=NAME-net,alias=x,alias=y,ip=10.99.7.8",
        "-P",
        "-m",
        "64m",
        "-c",
        "512",
        "-h",
        "short",
    ],
    &["--mount", "type=volume,dst=/d,volume-driver=local,volume-label=a=b", "--expose", "7000-7001/udp"],
    &["--publish", "published=18095,target=80", "--publish", "127.0.0.1::81", "--init=false", "--rm=false"],
    &["--link-local-ip", "169.254.8.8", "--network", "NAME-net", "--network", "name=NAME-net2,alias=z"],
];

/// What differs although nothing does: `docker create` attaches, what runs in the background is not attached to; and older
/// engines write host names into descriptions when they start a container, which what is compared with never is.
fn unattached(mut container: Value, name: &str) -> Value {
    if text(&container["HostConfig"]["NetworkMode"]).starts_with("container:") {
        container["Config"]["Hostname"] = json!("");
    }
    let host_name = container["Config"]["Hostname"].clone();
    for (_, endpoint) in container["NetworkSettings"]["Networks"].as_object_mut().into_iter().flatten() {
        if let Some(aliases) = endpoint["Aliases"].as_array_mut() {
            aliases.retain(|alias| *alias != host_name);
        }
    }
    for field in ["AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce"] {
        container["Config"][field] = json!(false);
    }
    normal(container, name)
}

struct Table {
    dock: Dock,
    image: String,
}

impl Table {
    fn new(dock: Dock) -> Self {
        let lines = "ENV A=1\nLABEL l=1\nEXPOSE 80\nVOLUME /data\nWORKDIR /there\nSTOPSIGNAL SIGKILL\n\
                     CMD [\"sleep\",\"100000\"]";
        let image = dock.image("api:1", lines);
        dock.engine.docker(&["network", "create", "--subnet", "10.99.7.0/24", &dock.name("net")]);
        dock.engine.docker(&["network", "create", &dock.name("net2")]);
        dock.runs(
            "owner",
            &["--network", &dock.name("net"), "--ipc", "shareable", "-v", "/from-owner"],
            &image,
        );
        Self { dock, image }
    }

    /// Whether that takes the flags.
    fn takes(&self, flags: &[&str]) -> bool {
        let flags: Vec<String> =
            flags.iter().map(|flag| flag.replace("NAME", &self.dock.engine.namespace)).collect();
        let is_taken = self.wanted(&flags.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        self.dock.engine.try_docker(&["rm", "--volumes", &self.dock.name("wanted")]);
        is_taken
    }

    /// As few containers as will do: flags stand beside each other where the engine takes them so, and none is there twice.
    fn batches<'a>(&self, all: impl Iterator<Item = &'a [&'a str]>) -> Vec<Vec<&'a str>> {
        let mut batches: Vec<Vec<&str>> = Vec::new();
        for flags in all {
            let is_twice =
                |batch: &Vec<&str>| flags.iter().any(|flag| flag.starts_with('-') && batch.contains(flag));
            let fits = |batch: &Vec<&str>| !is_twice(batch) && self.takes(&[&batch[..], flags].concat());
            match batches.iter_mut().find(|batch| fits(batch)) {
                Some(batch) => batch.extend(flags),
                None => batches.push(flags.to_vec()),
            }
        }
        batches
    }

    /// Makes a container with the real command line, none where it or the engine does not take the flags.
    fn wanted(&self, flags: &[&str], command: &[&str]) -> bool {
        let name = self.dock.name("wanted");
        let all = [&["create", "--name", &name][..], flags, &[&self.image], command].concat();
        self.dock.engine.try_docker(&all).status.success()
    }

    /// Compares what `deploy --create` makes with what `docker create` makes; false where that takes no such flags.
    fn compare(&self, flags: &[&str], command: &[&str]) -> Result<bool, String> {
        let dock = &self.dock;
        let flags: Vec<String> =
            flags.iter().map(|flag| flag.replace("NAME", &dock.engine.namespace)).collect();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        if !self.wanted(&flags, command) {
            return Ok(false);
        }
        let (web, wanted) = (dock.name("web"), dock.name("wanted"));
        let ours = ["deploy", "--create", &web, &self.image, "--grace", "0", "--", "--detach"];
        let run = dock.run(&[&ours[..], &flags, command].concat());
        let result = if run.code == 0 {
            let listed = dock.engine.docker(&["container", "inspect", &web, &wanted]);
            let found: Value = serde_json::from_str(&listed).expect("JSON");
            let mut differences = Vec::new();
            let (got, wanted) = (unattached(found[0].clone(), &web), unattached(found[1].clone(), &wanted));
            compare("", &got, &wanted, &mut differences);
            let is_same = differences.is_empty();
            if is_same { Ok(true) } else { Err(format!("{flags:?} {command:?}: {differences:#?}")) }
        } else if dock.engine.try_docker(&["start", &wanted]).status.success() {
            Err(format!("{flags:?} {command:?}: {run:?}"))
        } else {
            // This machine cannot run it, whoever asks.
            Ok(false)
        };
        dock.engine.try_docker(&["rm", "--force", "--volumes", &web, &wanted]);
        result
    }
}

#[test]
fn flags_mean_what_they_mean_to_docker_run() {
    let table = Table::new(dock!());
    let (mut failures, mut taken) = (Vec::new(), 0);
    let mut means = |flags: &[&str], command: &[&str]| match table.compare(flags, command) {
        Ok(is_taken) => taken += usize::from(is_taken),
        Err(failure) => failures.push(failure),
    };
    // In one container: a flag that is misread shows there as well.
    let without = |left_out: &[&str]| -> Vec<&[&str]> {
        TOGETHER.iter().copied().filter(|flags| !flags.iter().any(|flag| left_out.contains(flag))).collect()
    };
    // Whether a folder of the machine is shared is the machine's affair.
    let all = without(&["/tmp:/host:ro,rslave"]);
    // With older engines Docker's command line takes neither of these.
    let older = without(&["/tmp:/host:ro,rslave", "--annotation", "--mac-address"]);
    let together = [all, older].into_iter().find(|flags| table.takes(&flags.concat()));
    let together = together.unwrap_or_else(|| {
        without(&["/tmp:/host:ro,rslave"])
            .into_iter()
            .filter(|flags| table.takes(&with_its_network(flags)))
            .collect()
    });
    assert!(together.len() >= 55, "the engine takes {} of them", together.len());
    means(&together.concat(), &["sleep", "7000"]);
    // Each of these begins a container, which takes long: together all are tried on every engine.
    let share = Share::of_this_engine();
    let more = MORE.iter().map(|flags| (*flags, &[][..]));
    // A program that ends at once is not up, whatever its flags; and rates of devices are what Docker's command line 26 forgets.
    let is_comparable =
        |flags: &[&str]| !flags.contains(&"/bin/true") && !flags.contains(&"--device-read-bps");
    let alone = ALONE.iter().map(|(flags, command)| (*flags, *command));
    let alone = alone.filter(|(flags, _)| is_comparable(flags));
    let own = more.chain(alone).enumerate().filter(|(number, _)| share.has(*number)).map(|(_, it)| it);
    let (with_command, without_command): (Vec<_>, Vec<_>) = own.partition(|(_, command)| !command.is_empty());
    for (flags, command) in with_command {
        means(flags, command);
    }
    for flags in table.batches(without_command.into_iter().map(|(flags, _)| flags)) {
        means(&flags, &[]);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(taken >= 5, "of {taken} alone there is something to compare");
}

#[test]
fn one_that_does_not_come_up_leaves_nothing() {
    let dock = dock!();
    let good = dock.image("api:1", &format!("ENV V=1\n{SERVE}"));
    let bad = dock.image(
        "api:bad",
        r#"VOLUME /data
CMD ["sh","-c","echo no such database; exit 7"]"#,
    );
    let others = of_others(&dock.engine);
    let name = dock.name("web");
    let create = |image: &str, flags: &[&str]| {
        dock.run(&[&["deploy", "--create", &name, image, "--grace", "1", "--"], flags].concat())
    };
    let run = create(&bad, &["-v", "/anon"]).exits(1).says("no such database").says("exit code 7");
    assert!(run.stderr.contains("it is removed"), "{run:?}");
    create(&bad, &["--colour", "red"]).exits(2).says("--colour");
    create(&dock.reference("api:missing"), &[]).exits(4);
    dock.only(&[]);
    let shown =
        dock.run(&["deploy", "--create", &name, &good, "-n", "--", "-e", "TOKEN=s3cr3t"]).exits(0).stdout;
    assert!(shown.contains("+ Config.Env.TOKEN: ***") && !shown.contains("s3cr3t"), "{shown}");
    dock.only(&[]);
    // With the engine's answers lost, too, there is one that is up or none.
    let proxy = Proxy::start(dock.engine.host());
    let through = |number: usize, what: What| {
        proxy.at(Counted::Changes, number, When::After, what);
        let mut command = dock.command(&["deploy", "--create", &name, &good, "--grace", "0"]);
        command.env("DOCKER_HOST", proxy.host()).stdin(Stdio::null());
        let running = Running::of(&mut command);
        proxy.process(running.0.id());
        let run = running.end();
        let reached = proxy.requests().len() >= number;
        (reached, run)
    };
    let share = Share::of_this_engine();
    for number in (1..).take_while(|number| *number < 50) {
        let what = if share.has(number) { What::Kill } else { What::Cut };
        let (reached, run) = through(number, what);
        if !reached {
            run.exits(0);
            break;
        }
        let next = dock.run(&["deploy", "--create", &name, &good, "--grace", "0"]);
        assert!(next.code == 0 || next.stderr.contains("already"), "{number}: {run:?}\n{next:?}");
        dock.only(&["web"]);
        dock.engine.docker(&["rm", "--force", "--volumes", &name]);
    }
    create(&good, &["--env", "MINE=1"]).exits(2).says("already");
    dock.only(&["web"]);
    dock.has_left_alone(&others, "of containers that were made or were not");
}

#[test]
fn it_is_deployed_and_rolled_back_like_any_other() {
    let dock = dock!();
    let engine = &dock.engine;
    let checkout = Checkout::with(&[("api/Dockerfile", &format!("FROM busybox\nENV V=1\n{SERVE}\n"))]);
    let name = dock.name("web");
    // The user's, although the image has the same.
    let made = ["deploy", "--create", &name, "api", "--grace", "0", "--", "-e", "V=1", "-e", "MINE=1"];
    engine.run(&checkout, &made).exits(0);
    dock.only(&["web"]);
    let labels = dock.inspect("web")["Config"]["Labels"].clone();
    assert_eq!(labels["io.shipwright.deploy.checkout"], "shop");
    assert_eq!(labels["io.shipwright.deploy.key"], labels["io.shipwright.key"]);
    let current = dock.reference("api:current");
    assert_eq!(text(&dock.inspect("web")["Image"]), dock.id(&current));
    checkout.write("api/Dockerfile", format!("FROM busybox\nENV V=2\n{SERVE}\n"));
    engine.run(&checkout, &["deploy", &name, "api", "--grace", "0"]).exits(0);
    assert_eq!(engine.docker(&["exec", &name, "sh", "-c", "echo $V $MINE"]), "1 1");
    engine.run(&checkout, &["rollback", &name, "--grace", "0"]).exits(0);
    dock.only(&["web"]);
}
