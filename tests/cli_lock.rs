//! `shipwright lock` and what a lock changes, through the real binary and against a real registry, without an engine.

mod registry;
mod support;

use std::collections::BTreeMap;
use std::net::{IpAddr, UdpSocket};

use registry::server::{Server, Uploader};
use serde_json::{Value, json};
use support::{Checkout, Run, dirty, image, keys, text, texts};

const LOCK: &str = "shipwright.lock";

/// A registry with the bases that the checkout is built from: `main` FROM `one:1`, `other` FROM `two`, `both` FROM
/// `main` and with files of `two`, `plain` FROM scratch, and `e2e` aside.
struct Story {
    server: Server,
    checkout: Checkout,
    runtime: tokio::runtime::Runtime,
}

fn story() -> Option<Story> {
    let server = Server::start(&[])?;
    let at = &server.address;
    let checkout = Checkout::with(&[
        ("main/Dockerfile", &format!("FROM {at}/one:1\n")),
        ("other/Dockerfile", &format!("FROM {at}/two\nCOPY file /\n")),
        ("other/file", "1\n"),
        ("both/Dockerfile", &format!("FROM acme/main\nCOPY --from={at}/two:latest /x /y\n")),
        ("plain/Dockerfile", "FROM scratch\nCOPY x /\n"),
        ("plain/x", "1\n"),
        ("tests/e2e/Dockerfile", &format!("FROM {at}/aside:1\n")),
    ]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let story = Story { server, checkout, runtime };
    for (base, tag) in [("one", "1"), ("two", "latest"), ("aside", "1")] {
        story.push(base, tag, "first");
    }
    Some(story)
}

macro_rules! story {
    () => {
        match story() {
            Some(story) => story,
            None => return,
        }
    };
}

impl Story {
    /// Puts an image with this content under a tag, and gives its digest.
    fn push(&self, base: &str, tag: &str, content: &str) -> String {
        let uploader = Uploader::new(&self.server);
        self.runtime.block_on(uploader.image(base, tag, &[("content", content)], "amd64")).0
    }

    /// The registry forgets what has this digest.
    fn delete(&self, base: &str, digest: &str) {
        let uploader = Uploader::new(&self.server);
        let url = format!("{}/{base}/manifests/{digest}", uploader.base);
        let answer = self.runtime.block_on(uploader.client.delete(url).send()).expect("an answer");
        assert_eq!(answer.status(), 202);
    }

    fn base(&self, rest: &str) -> String {
        format!("{}/{rest}", self.server.address)
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.checkout.run(arguments)
    }

    fn keys(&self) -> BTreeMap<String, String> {
        self.checkout.keys().into_iter().collect()
    }

    /// Images whose keys differ from these.
    fn changed_since(&self, before: &BTreeMap<String, String>) -> Vec<String> {
        self.keys().into_iter().filter(|(name, key)| before[name] != *key).map(|(name, _)| name).collect()
    }

    fn lock_text(&self) -> String {
        std::fs::read_to_string(self.checkout.root.join(LOCK)).unwrap_or_default()
    }

    /// Base → digest, in the order of the file; the registry's address left out.
    fn locked(&self) -> Vec<(String, String)> {
        let prefix = self.base("");
        let entry = |line: &str| {
            let (base, digest) = line.strip_prefix('"')?.split_once("\" = \"")?;
            Some((base.replace(&prefix, ""), digest.trim_end_matches('"').to_owned()))
        };
        self.lock_text().lines().filter_map(entry).collect()
    }

    fn locked_names(&self) -> Vec<String> {
        self.locked().into_iter().map(|(name, _)| name).collect()
    }
}

fn short(digest: &str) -> &str {
    &digest["sha256:".len()..][..12]
}

#[test]
fn every_base_of_the_selected_images_is_locked_and_stays_so() {
    let mut story = story!();
    let first = story.push("one", "1", "first");
    let floating = story.keys();
    story.run(&["lock", "main"]).exits(0).says("shipwright.lock: 1 locked");
    assert_eq!(story.locked(), [("one:1".to_owned(), first.clone())]);
    let run = story.run(&["lock"]).exits(0).says("shipwright.lock: 1 locked, 1 as before");
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("2 images will be rebuilt: ") && !run.stderr.contains("main,"), "{run:?}");
    assert_eq!(story.locked_names(), ["one:1", "two:latest"]);
    assert_eq!(story.changed_since(&floating), ["both", "main", "other"]);
    assert!(story.lock_text().starts_with("# The digests of the external base images"));
    assert!(story.lock_text().contains("\nversion = 1\n\n[bases]\n"));

    // Aside only by name; what is locked of it stays while it is used.
    story.run(&["lock", "e2e"]).exits(0);
    assert_eq!(story.locked_names(), ["aside:1", "one:1", "two:latest"]);

    // A base that moves changes nothing, and nobody asks any more.
    story.push("one", "1", "second");
    let (text, keys) = (story.lock_text(), story.keys());
    let address = story.server.address.clone();
    story.server = Server::start(&[]).expect("another registry");
    assert_ne!(story.server.address, address);
    story.run(&["lock"]).exits(0).says("shipwright.lock: 3 as before");
    assert_eq!((story.lock_text(), story.keys()), (text, keys));
}

/// An address of this machine that is not the loopback interface's. Nothing is sent to find it.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback())
}

#[test]
fn a_registry_elsewhere_is_spoken_to_without_encryption_only_if_the_settings_say_so() {
    let Some(address) = own_address() else {
        #[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
        {
            eprintln!("not run: this machine has no other address");
        }
        return;
    };
    let Some(server) = Server::start_at(address, &[]) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(Uploader::new(&server).image("one", "1", &[], "amd64"));
    let checkout = Checkout::with(&[("x/Dockerfile", &format!("FROM {}/one:1\n", server.address))]);
    let named = |registry: &str| {
        checkout.write("shipwright.toml", format!("insecure_registries = [\"{registry}\"]\n"));
    };
    let plain = "does not speak TLS";
    checkout.run(&["lock"]).exits(4).says(&server.address).says(plain).says("insecure_registries");
    named(&format!("{address}:1"));
    checkout.run(&["lock"]).exits(4).says(plain);
    named(&server.address);
    checkout.run(&["lock"]).exits(0).says("1 locked");
    checkout.run(&["lock", "--check"]).exits(0);
}

#[test]
fn however_a_base_is_spelt_it_is_one() {
    let names = ["a/Dockerfile", "b/Dockerfile", "c/Dockerfile", "d/Dockerfile"];
    let digest = format!("sha256:{}", "1a".repeat(32));
    let own = format!("FROM busybox@{digest}\n");
    let texts =
        ["FROM busybox\n", "FROM docker.io/library/busybox:latest\n", "FROM busybox:1\n", own.as_str()];
    let files: Vec<(&str, &str)> = names.into_iter().zip(texts).collect();
    let checkout = Checkout::with(&files);
    let before = checkout.plan(&[]);
    checkout.write(LOCK, format!("version = 1\n[bases]\n\"busybox\" = \"{digest}\"\n"));
    let after = checkout.plan(&[]);
    for (name, same) in [("a", false), ("b", false), ("c", true), ("d", true)] {
        assert_eq!(image(&before, name)["key"] == image(&after, name)["key"], same, "{name}");
    }
    assert_eq!(image(&before, "a")["locked"], json!({}));
    assert_eq!(image(&after, "a")["locked"], json!({"busybox:latest": digest}));
    assert_eq!(image(&after, "b")["bases"], json!(["busybox:latest"]));
    let run = checkout.run(&["plan", "--offline", "--explain", "a"]).exits(0);
    assert!(run.stdout.contains(&format!("base        busybox:latest@{digest}\n")), "{}", run.stdout);
    checkout.run(&["lock", "--check", "--offline"]).exits(1).says("not in shipwright.lock: busybox:1\n");
}

#[test]
fn an_update_says_what_moved_and_what_that_rebuilds() {
    let story = story!();
    let (one, two) = (story.push("one", "1", "first"), story.push("two", "latest", "first"));
    story.run(&["lock"]).exits(0);
    story.run(&["lock", "--update"]).exits(0).says("shipwright.lock: 2 as before");
    let (moved_one, moved_two) = (story.push("one", "1", "second"), story.push("two", "latest", "second"));
    let before = story.keys();

    let run = story.run(&["lock", "--update", &story.base("two")]).exits(0);
    let line = format!("moved    {}  {} → {}\n", story.base("two:latest"), short(&two), short(&moved_two));
    assert!(run.stderr.contains(&line) && !run.stderr.contains("one:1"), "{run:?}");
    assert!(run.stderr.contains("2 images will be rebuilt: ") && run.stderr.contains("both"), "{run:?}");
    assert_eq!(story.changed_since(&before), ["both", "other"]);
    assert_eq!(story.locked()[0].1, one);

    let run = story.run(&["lock", "--update"]).exits(0).says("1 moved, 1 as before");
    assert!(run.stderr.contains(&format!("{} → {}", short(&one), short(&moved_one))), "{run:?}");
    assert_eq!(
        story.locked().into_iter().map(|(_, digest)| digest).collect::<Vec<_>>(),
        [moved_one, moved_two]
    );

    let run = story.run(&["lock", "--update", &story.base("won:1")]).exits(2);
    assert!(run.stderr.contains(&format!("did you mean {}", story.base("one:1"))), "{run:?}");
    story.run(&["lock", "--update", "main"]).exits(2).says("`shipwright lock main --update`");
    story.run(&["lock", "--update", "--check"]).exits(2);
}

#[test]
fn a_check_fails_when_bases_moved_or_are_missing() {
    let story = story!();
    let first = story.push("one", "1", "first");
    story.run(&["lock", "--check"]).exits(1).says("not in shipwright.lock: ");
    assert_eq!(story.lock_text(), "");
    story.run(&["lock", "main"]).exits(0);
    story.run(&["lock", "--check", "main"]).exits(0).says("shipwright.lock: 1 base is as locked");
    let run = story.run(&["lock", "--check"]).exits(1);
    assert!(run.stderr.contains(&format!("missing  {}", story.base("two:latest"))), "{run:?}");

    let second = story.push("one", "1", "second");
    let text = story.lock_text();
    let run = story.run(&["lock", "--check", "main"]).exits(1).says("moved since they were locked: ");
    assert!(run.stderr.contains(&format!("{} → {}", short(&first), short(&second))), "{run:?}");
    story.run(&["lock", "--check", "--offline", "main"]).exits(0).says("1 base is locked");
    story.run(&["lock", "--check", "--offline"]).exits(1);
    let quiet = story.run(&["lock", "--check", "--quiet", "main"]).exits(1);
    assert_eq!(quiet.stderr.lines().count(), 2, "{quiet:?}");
    assert_eq!(story.lock_text(), text, "a check changes nothing");

    // The locked image is gone.
    story.delete("one", &first);
    let run = story.run(&["lock", "--check", "main"]).exits(4);
    let gone = format!("no longer has the {} that {} is locked to", short(&first), story.base("one:1"));
    assert!(run.stderr.contains(&gone), "{run:?}");
    // So is the tag.
    story.delete("one", &second);
    let gone = format!("no longer has {}", story.base("one:1"));
    story.run(&["lock", "--check", "main"]).exits(4).says(&gone);
    story.run(&["lock", "main", "--update"]).exits(4).says("it stays locked to ");
    assert_eq!(story.lock_text(), text);
}

#[test]
fn what_cannot_be_asked_is_named_and_the_rest_is_locked() {
    let story = story!();
    story.checkout.write("local/Dockerfile", format!("FROM {}\n", story.base("only-here:1")));
    story.checkout.write("nobody/Dockerfile", "FROM 127.0.0.1:1/x:1\n");
    let run = story.run(&["lock"]).exits(4).says("127.0.0.1:1 cannot look up 127.0.0.1:1/x:1: no connection");
    assert!(run.stderr.contains(&format!("has no {}", story.base("only-here:1"))), "{run:?}");
    assert_eq!(story.locked_names(), ["one:1", "two:latest"]);
    story.run(&["lock", "-x", "local,nobody"]).exits(0);
    story.run(&["lock", "--offline"]).exits(2).says("lock asks registries");
    story.run(&["lock", "--rev", "main"]).exits(2).says("lock writes the work tree's lock file");
}

#[test]
fn what_nothing_uses_any_more_goes_unless_that_is_not_known() {
    let story = story!();
    story.run(&["lock"]).exits(0);
    let dockerfile = std::fs::read(story.checkout.root.join("main/Dockerfile")).expect("read");
    story.checkout.write("main/Dockerfile", "FROM scratch\nCOPY x /\n");
    story.checkout.write("main/x", "");
    story.run(&["lock", "other"]).exits(0).says("dropped");
    assert_eq!(story.locked_names(), ["two:latest"], "the selection does not say what is used");
    story.checkout.write("main/Dockerfile", &dockerfile);
    story.run(&["lock"]).exits(0);

    for broken in ["FROM a b c\n", "FROM $UNSET\n"] {
        story.checkout.write("main/Dockerfile", broken);
        story.run(&["lock"]);
        assert_eq!(story.locked_names(), ["one:1", "two:latest"], "{broken}");
    }
    // With other build arguments, or on another platform, other bases are used.
    let by_argument = format!("ARG TAG=1\nFROM {}:$TAG\n", story.base("one"));
    story.checkout.write("main/Dockerfile", by_argument);
    story.push("one", "2", "two");
    story.run(&["lock", "--build-arg", "TAG=2"]).exits(0);
    assert_eq!(story.locked_names(), ["one:1", "one:2", "two:latest"]);
    story.run(&["lock", "--check"]).exits(0).says("unused");
    story.run(&["lock"]).exits(0).says("dropped");
    assert_eq!(story.locked_names(), ["one:1", "two:latest"]);
    let by_platform = format!("FROM {}:$TARGETARCH\n", story.base("one"));
    story.checkout.write("main/Dockerfile", by_platform);
    for arch in ["amd64", "arm64"] {
        story.push("one", arch, arch);
        story.run(&["lock", "--platform", &format!("linux/{arch}")]).exits(0);
    }
    story.run(&["lock"]).exits(0);
    assert_eq!(story.locked_names(), ["one:amd64", "one:arm64", "two:latest"]);
}

#[test]
fn a_damaged_lock_stops_every_command_and_is_not_lost() {
    let shop = Checkout::shop();
    for (damage, place, hint) in [
        ("version = 1\n[bases]\n\"busybox\" = \"sha256:12\"\n", "shipwright.lock:3", "asks for it again"),
        ("version = 1\n[bases\n", "shipwright.lock:2", "git checkout -- shipwright.lock"),
        ("<<<<<<< HEAD\nversion = 1\n=======\n>>>>>>> x\n", "shipwright.lock:1", "delete the markers"),
        ("version = 1\n[basis]\n", "shipwright.lock:2", "the table `bases`"),
    ] {
        shop.write(LOCK, damage);
        for arguments in [
            &["plan", "--offline"][..],
            &["images", "--offline"],
            &["graph", "--offline"],
            &["lock"],
            &["lock", "--update"],
            &["lock", "--check"],
        ] {
            let run = shop.run(arguments).exits(2).shows_nothing_raw();
            for part in [place, hint, "^"] {
                assert!(run.stderr.contains(part), "{arguments:?}: no `{part}` in {}", run.stderr);
            }
        }
        assert_eq!(std::fs::read_to_string(shop.root.join(LOCK)).expect("still there"), damage);
    }
    // A commit's lock is another one.
    shop.run(&["plan", "--offline", "--rev", "main"]).exits(0);
    shop.commit("damaged");
    shop.run(&["plan", "--offline", "--rev", "main"]).exits(2).says("shipwright.lock");
}

fn lock_of(entries: &[(&str, u8)]) -> String {
    let line = |(base, number): &(&str, u8)| {
        format!("\"{base}\" = \"sha256:{}\"\n", format!("{number:02x}").repeat(32))
    };
    let lines: String = entries.iter().map(line).collect();
    format!("version = 1\n\n[bases]\n{lines}")
}

fn two_bases() -> Checkout {
    Checkout::with(&[
        ("a/Dockerfile", "FROM one:1\n"),
        ("b/Dockerfile", "FROM two:2\n"),
        ("c/Dockerfile", "FROM acme/a\n"),
        ("d/Dockerfile", "FROM scratch\nCOPY x /\n"),
        ("d/x", ""),
    ])
}

#[test]
fn an_uncommitted_lock_makes_dirty_what_it_changes() {
    let checkout = two_bases();
    let of = |checkout: &Checkout| dirty(&checkout.plan(&[]));
    checkout.write(LOCK, lock_of(&[("one:1", 1), ("unused:1", 1)]));
    assert_eq!(of(&checkout), ["a", "c"]);
    checkout.commit("locked");
    assert_eq!(of(&checkout), [""; 0]);
    checkout.write(LOCK, lock_of(&[("one:1", 1), ("two:2", 2), ("unused:1", 2)]));
    assert_eq!(of(&checkout), ["b"]);
    let clean = checkout.plan(&["--rev", "main"]);
    assert_eq!(image(&clean, "b")["locked"], json!({}), "the commit's own lock counts");
    assert_eq!(of(&checkout).len(), 1);
    checkout.write(LOCK, lock_of(&[("unused:1", 2), ("one:1", 1)]));
    assert_eq!(of(&checkout), [""; 0], "what no image uses changes none");
    checkout.remove(LOCK);
    assert_eq!(of(&checkout), ["a", "c"]);

    // A lock that git ignores is no commit's.
    let checkout = two_bases();
    checkout.write(".gitignore", "shipwright.lock\n");
    checkout.commit("ignored");
    checkout.write(LOCK, lock_of(&[("one:1", 1)]));
    assert_eq!(of(&checkout), ["a", "c"]);
    checkout
        .run(&["push", "--registry", "127.0.0.1:1", "--namespace", "acme"])
        .exits(2)
        .says("uncommitted changes are in acme/a, acme/c: shipwright.lock\n");
}

#[test]
fn a_commit_of_the_lock_is_one_of_each_image_with_a_base() {
    let checkout = two_bases();
    let revision = |plan: &Value, name: &str| text(&image(plan, name)["revision"]);
    let first = checkout.git(&["rev-parse", "HEAD"]);
    let specs = |dockerfile: &str| {
        let run = checkout.run(&["inspect", "--format", "json", dockerfile]).exits(0);
        texts(&run.json()["revision_pathspecs"])
    };
    assert!(!specs("a/Dockerfile").contains(&LOCK.to_owned()), "history never had one");
    let change = |message: &str, lock: Option<&str>| {
        match lock {
            Some(lock) => checkout.write(LOCK, lock),
            None => checkout.remove(LOCK),
        }
        checkout.commit(message);
        let (head, plan) = (checkout.git(&["rev-parse", "HEAD"]), checkout.plan(&[]));
        for name in ["a", "b", "c"] {
            assert_eq!(revision(&plan, name), head, "{message}: {name}");
        }
        assert_eq!(revision(&plan, "d"), first, "{message}");
        assert_eq!(keys(&plan), keys(&checkout.plan(&["--rev", "HEAD"])));
        assert!(specs("a/Dockerfile").contains(&LOCK.to_owned()));
        assert!(!specs("d/Dockerfile").contains(&LOCK.to_owned()));
    };
    change("locked", Some(&lock_of(&[("one:1", 1)])));
    change("moved", Some(&lock_of(&[("one:1", 2)])));
    change("gone", None);
}

#[test]
fn a_plan_counts_the_bases_that_float() {
    let checkout = two_bases();
    let plan = |arguments: &[&str]| checkout.run(&[&["plan", "--offline"], arguments].concat()).exits(0);
    plan(&[]).says("note: 2 bases are not locked: one:1, two:2; `shipwright lock` pins them\n");
    plan(&["a"]).says("note: 1 base is not locked: one:1; `shipwright lock` pins it\n");
    for arguments in [&["d"][..], &["--quiet"], &["--format", "json"]] {
        let run = plan(arguments);
        assert!(!format!("{}{}", run.stdout, run.stderr).contains("not locked"), "{run:?}");
    }
    checkout.write(LOCK, lock_of(&[("one:1", 1)]));
    plan(&[]).says("note: 1 base is not locked: two:2; ");
    checkout.write(LOCK, lock_of(&[("one:1", 1), ("two:2", 1)]));
    assert!(!plan(&[]).stderr.contains("not locked"));
    checkout.run(&["images", "--offline"]).exits(0);
}

#[cfg(unix)]
#[test]
fn a_lock_that_is_a_link_is_followed_and_kept() {
    let story = story!();
    story.checkout.write("ci/lock", "version = 1\n");
    std::os::unix::fs::symlink("ci/lock", story.checkout.root.join(LOCK)).expect("a link");
    story.run(&["lock"]).exits(0);
    assert!(story.checkout.root.join(LOCK).is_symlink());
    assert_eq!(story.locked().len(), 2);
    story.checkout.commit("a link");
    let (plan, committed) = (story.checkout.plan(&[]), story.checkout.plan(&["--rev", "main"]));
    assert_eq!(keys(&plan), keys(&committed));
    assert!(dirty(&plan).is_empty());
}
