//! `shipwright history` through the real binary: keys beside those of `plan --rev`, causes, other rules, and the cache.

mod support;

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use support::{Checkout, Run, git_in, text, texts};

fn history(checkout: &Checkout, arguments: &[&str]) -> Value {
    checkout.run(&[&["history", "--format", "json"], arguments].concat()).exits(0).json()
}

type Keys = BTreeMap<String, String>;

fn name(image: &Value) -> String {
    match image["tag_prefix"].as_str() {
        Some(prefix) => format!("{}:{prefix}", text(&image["name"])),
        None => text(&image["name"]),
    }
}

/// The oracle: what `plan` says of a commit.
fn planned(checkout: &Checkout, commit: &str) -> Keys {
    let run = checkout.run(&["plan", "--offline", "--format", "json", "--rev", commit]);
    let images = if run.stdout.is_empty() { json!([]) } else { run.json()["images"].clone() };
    let images = images.as_array().expect("images").iter().filter(|image| !image["key"].is_null());
    images.map(|image| (name(image), text(&image["key"]))).collect()
}

/// Asserts that the keys of every commit of a history are those of `plan --rev`. Gives how many commits there were.
fn is_as_planned(checkout: &Checkout, history: &Value) -> usize {
    let mut keys = history["base"].as_str().map(|base| planned(checkout, base)).unwrap_or_default();
    let commits = history["commits"].as_array().expect("commits");
    for commit in commits {
        if commit["readable"] == false {
            keys.clear();
        }
        for change in commit["images"].as_array().expect("images") {
            let name = text(&change["name"]);
            let before = keys.get(&name).map(String::as_str);
            assert_eq!(change["before"].as_str(), before, "before {} {name}", commit["subject"]);
            match change["key"].as_str() {
                Some(key) => keys.insert(name, key.to_owned()),
                None => keys.remove(&name),
            };
        }
        assert_eq!(keys, planned(checkout, &text(&commit["commit"])), "{}", commit["subject"]);
    }
    commits.len()
}

fn image<'a>(history: &'a Value, name: &str) -> &'a Value {
    let images = history["images"].as_array().expect("images");
    images.iter().find(|image| image["name"] == name).unwrap_or_else(|| panic!("{name}: {history:#}"))
}

/// A checkout whose commits change in every way what can change a key, and much that cannot.
fn eventful() -> Checkout {
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nCOPY files /\n"),
        ("base/files/a.txt", "1\n"),
        ("api/Dockerfile", "FROM acme/base\nARG V=1\nCOPY src /src\nCOPY *.toml /\n"),
        ("api/src/main.py", "1\n"),
        ("api/src/deep/er/x.py", "1\n"),
        ("api/app.toml", "1\n"),
        ("web/Dockerfile", "FROM acme/base\nCOPY . /web\n"),
        ("web/.dockerignore", "docs\n"),
        ("web/index.html", "1\n"),
        ("web/docs/a.md", "1\n"),
        ("web/README.md", "1\n"),
        ("tools/Dockerfile", "FROM busybox\nCOPY scripts/run.sh /\n"),
        ("scripts/run.sh", "true\n"),
        (
            "compose.yaml",
            "services:\n  job:\n    image: acme/job\n    build: {context: ., dockerfile: job/Dockerfile}\n",
        ),
        ("job/Dockerfile", "FROM acme/api\nCOPY job/x.txt /\n"),
        ("job/x.txt", "1\n"),
        ("notes/today.txt", "1\n"),
    ]);
    let edit = |message: &str, files: &[(&str, &str)]| {
        for (path, content) in files {
            checkout.write(path, content);
        }
        checkout.commit(message);
    };
    edit("an input", &[("api/src/main.py", "2\n")]);
    edit("an input below", &[("api/src/deep/er/x.py", "2\n"), ("web/index.html", "2\n")]);
    edit("no input", &[("notes/today.txt", "2\n")]);
    edit("a new file that nobody reads", &[("notes/new/er.txt", "1\n")]);
    edit("an ignored file", &[("web/docs/a.md", "2\n"), ("web/docs/b.md", "1\n")]);
    edit("a document that is copied", &[("web/README.md", "2\n")]);
    edit("it again", &[("web/README.md", "3\n")]);
    edit("the base", &[("base/files/a.txt", "2\n")]);
    edit("a new input of a pattern", &[("api/more.toml", "1\n")]);
    edit("a new input of a folder", &[("base/files/new/b.txt", "1\n")]);
    checkout.git(&["mv", "api/src/main.py", "api/src/renamed.py"]);
    checkout.commit("a rename");
    checkout.git(&["rm", "--quiet", "-r", "api/src/deep"]);
    checkout.commit("a folder goes");
    checkout.make_executable("web/index.html");
    checkout.commit("a mode");
    edit("a comment of a Dockerfile", &[("base/Dockerfile", "# why\nFROM busybox\nCOPY files /\n")]);
    edit("an instruction", &[("base/Dockerfile", "# why\nFROM busybox\nUSER 7\nCOPY files /\n")]);
    edit("the ignore file", &[("web/.dockerignore", "docs\n*.md\n")]);
    edit("a document that is ignored now", &[("web/README.md", "4\n")]);
    edit(
        "evidence",
        &[(
            "compose.yaml",
            "services:\n  job:\n    image: acme/task\n    build: {context: ., dockerfile: job/Dockerfile}\n",
        )],
    );
    edit(
        "evidence of an argument",
        &[(
            "compose.yaml",
            "services:\n  api:\n    image: acme/api\n    build: {context: api, args: {V: 2}}\n",
        )],
    );
    edit("a script", &[("scripts/run.sh", "false\n")]);
    checkout.git(&["rm", "--quiet", "scripts/run.sh"]);
    checkout.commit("an input goes, so that an image is blocked");
    edit("meanwhile", &[("api/app.toml", "2\n")]);
    edit("it comes back", &[("scripts/run.sh", "false\n")]);
    edit("a new image", &[("extra/Dockerfile", "FROM acme/web\nCOPY x /\n"), ("extra/x", "1\n")]);
    edit("its input", &[("extra/x", "2\n")]);
    checkout.git(&["rm", "--quiet", "-r", "extra"]);
    checkout.commit("it goes");
    edit("settings", &[("shipwright.toml", "metadata = \"2\"\n")]);
    edit("broken settings", &[("shipwright.toml", "metadata =\n"), ("api/app.toml", "3\n")]);
    edit("mended settings", &[("shipwright.toml", "metadata = \"3\"\n")]);
    edit("attributes", &[(".gitattributes", "*.toml text eol=crlf\n")]);
    edit("a file that git converts", &[("api/app.toml", "4\n5\n")]);
    edit(
        "a lock",
        &[(
            "shipwright.lock",
            &format!("version = 1\n\n[bases]\n\"busybox:latest\" = \"sha256:{}\"\n", "5".repeat(64)),
        )],
    );
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("index.html", checkout.root.join("web/link.html")).expect("a link");
        checkout.commit("a link");
        fs::remove_file(checkout.root.join("web/link.html")).expect("removed");
        std::os::unix::fs::symlink("README.md", checkout.root.join("web/link.html")).expect("a link");
        checkout.commit("it leads elsewhere");
    }
    checkout.git(&["switch", "--quiet", "--create", "side"]);
    edit("on the side", &[("web/index.html", "side\n")]);
    edit("and back there", &[("web/index.html", "side 2\n")]);
    checkout.git(&["switch", "--quiet", "main"]);
    edit("on main", &[("api/app.toml", "6\n")]);
    checkout.git(&["merge", "--quiet", "--no-ff", "--message", "a merge", "side"]);
    checkout.git(&["commit", "--quiet", "--allow-empty", "--message", "nothing"]);
    checkout.git(&["revert", "--no-edit", "HEAD~2"]);
    checkout
}

#[test]
fn keys_are_those_of_plan_for_every_commit() {
    let checkout = eventful();
    let first = checkout.git(&["rev-list", "--max-parents=0", "HEAD"]);
    let range = format!("{first}..HEAD");
    let found = history(&checkout, &["--since", &range]);
    assert_eq!(found["base"], json!(first));
    let count: usize =
        checkout.git(&["rev-list", "--first-parent", "--count", &range]).parse().expect("a number");
    assert_eq!(is_as_planned(&checkout, &found), count);
    // From the first commit on, all at once.
    let all = history(&checkout, &["--since", "100.years"]);
    assert_eq!((&all["base"], is_as_planned(&checkout, &all)), (&Value::Null, count + 1));
    assert_eq!(image(&all, "acme/web")["new"], true);
    // What was kept gives the same as what is found anew, whatever part of it.
    assert_eq!(history(&checkout, &["--since", "100.years"]), all);
    let part = history(&checkout, &["--since", "HEAD~9..HEAD~2"]);
    assert_eq!(is_as_planned(&checkout, &part), 7);
    fs::remove_dir_all(checkout.root.join(".git/shipwright")).expect("a cache");
    assert_eq!(history(&checkout, &["--since", "HEAD~9..HEAD~2"]), part);
    checkout.git(&["config", "core.autocrlf", "true"]);
    let converted = history(&checkout, &["--since", &range]);
    assert_eq!(is_as_planned(&checkout, &converted), count, "another configuration is another question");
}

#[test]
fn submodules_are_followed() {
    let library = Checkout::with(&[("lib.txt", "1\n")]);
    let checkout = Checkout::with(&[
        ("app/Dockerfile", "FROM busybox\nCOPY lib /lib\nCOPY own.txt /\n"),
        ("app/own.txt", "1\n"),
    ]);
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];
    checkout.git(&[&add[..], &[library.root.to_str().expect("UTF-8"), "app/lib"]].concat());
    checkout.commit("a submodule");
    checkout.write("app/own.txt", "2\n");
    checkout.commit("an own file");
    library.write("lib.txt", "2\n");
    library.commit("second");
    git_in(&checkout.root.join("app/lib"), &["-c", "protocol.file.allow=always", "pull", "--quiet"]);
    checkout.commit("its next commit");
    let found = history(&checkout, &["--since", "100.years"]);
    assert_eq!(is_as_planned(&checkout, &found), 4);
    let app = found["images"][0].clone();
    assert_eq!((&app["rebuilds"], &app["new"]), (&json!(2), &json!(true)), "{found:#}");
}

/// Five commits with known causes.
fn documented() -> Checkout {
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nCOPY a /\n"),
        ("base/a", "1"),
        ("web/Dockerfile", "FROM acme/base\n\nCOPY . /web\nCOPY docs/logo.svg /\n"),
        ("web/index.html", "1"),
        ("web/docs/a.md", "1"),
        ("web/docs/logo.svg", "1"),
        ("api/Dockerfile", "FROM acme/base\nCOPY src /\n"),
        ("api/src/x", "1"),
    ]);
    for (message, files) in [
        ("document", &["web/docs/a.md"][..]),
        ("page and document", &["web/index.html", "web/docs/a.md"]),
        ("document again", &["web/docs/a.md"]),
        ("base", &["base/a"]),
        ("logo", &["web/docs/logo.svg"]),
        ("nothing", &["notes.txt"]),
    ] {
        for file in files {
            checkout.write(file, message);
        }
        checkout.commit(message);
    }
    checkout
}

#[test]
fn rebuilds_are_counted_with_their_causes() {
    let checkout = documented();
    let found = history(&checkout, &["--since", "HEAD~6"]);
    let web = image(&found, "acme/web");
    assert_eq!((&web["rebuilds"], &web["needed"], &web["new"]), (&json!(5), &json!(5), &json!(false)));
    let line = |line: u64| {
        let causes = web["causes"].as_array().expect("causes");
        causes.iter().find(|cause| cause["line"] == line).unwrap_or_else(|| panic!("{web:#}"))
    };
    assert_eq!((&line(3)["path"], &line(3)["rebuilds"]), (&json!("web/Dockerfile"), &json!(4)));
    assert_eq!(line(3)["files"][0], json!({"path": "web/docs/a.md", "rebuilds": 3, "alone": 2}));
    assert_eq!(line(4)["files"], json!([{"path": "web/docs/logo.svg", "rebuilds": 1, "alone": 1}]));
    let causes = web["causes"].as_array().expect("causes");
    assert!(causes.iter().any(|it| it["what"] == "acme/base" && it["rebuilds"] == 1), "{web:#}");
    let docs = json!({"ignore": "**/docs", "rebuilds": 3});
    assert!(web["savings"].as_array().expect("savings").contains(&docs), "{web:#}");
    assert_eq!(image(&found, "acme/base")["rebuilds"], 1);
    let heaviest = &found["commits"][3];
    assert_eq!((text(&heaviest["subject"]), &heaviest["rebuilds"]), ("base".to_owned(), &json!(3)));
    // One rebuild each is no pattern.
    assert_eq!(found["together"], json!([]));

    let run = checkout.run(&["history", "--since", "HEAD~6"]).exits(0);
    for part in [
        "6 commits of ",
        "5 rebuilt something, 7 rebuilds in all\n",
        "     5  acme/web    web/Dockerfile:3 (4), ",
        "     3 of 5 rebuilds of acme/web: `**/docs`\n",
        "     3  ",
        "  base\n",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert_eq!(run.stderr, "");
    let of_api = history(&checkout, &["--since", "HEAD~6", "api"]);
    assert_eq!(of_api["images"].as_array().expect("images").len(), 2, "api and what it is built from");
    assert_eq!(
        history(&checkout, &["--since", "HEAD~6", "-e", "api"])["images"][0]["causes"][0]["what"],
        "acme/base"
    );
}

#[test]
fn images_that_the_same_commits_rebuild_are_named_together() {
    let checkout = documented();
    for edit in ["1", "2"] {
        checkout.write("base/a", edit);
        checkout.commit(edit);
    }
    let found = history(&checkout, &["--since", "HEAD~2"]);
    assert_eq!(found["together"], json!([["acme/api", "acme/base", "acme/web"]]));
}

#[test]
fn other_rules_are_counted_as_if_they_had_been_there() {
    let checkout = documented();
    let rebuilds = |arguments: &[&str]| {
        let found = history(&checkout, &[&["--since", "HEAD~6"], arguments].concat());
        let web = image(&found, "acme/web");
        assert_eq!((&found["what_if"], &web["needed"]), (&json!(!arguments.is_empty()), &json!(5)));
        web["rebuilds"].as_u64().expect("a number")
    };
    assert_eq!(rebuilds(&[]), 5);
    assert_eq!(rebuilds(&["--what-if-ignore", "docs/*.md"]), 3);
    assert_eq!(rebuilds(&["--what-if-ignore", "docs/*.md", "--what-if-ignore", "index.html"]), 2);
    assert_eq!(rebuilds(&["--what-if-copy", "web/Dockerfile:3=index.html"]), 3);
    assert_eq!(rebuilds(&["--what-if-copy", "web/Dockerfile:4=nothing"]), 5, "the other line copies it too");
    // What would not have rebuilt the base would not have rebuilt what is built on it.
    assert_eq!(rebuilds(&["--what-if-ignore", "a"]), 4);
    // The oracle: the same history with that ignore file from the beginning.
    let rewritten = documented();
    let filter = "mkdir -p web && printf 'docs/*.md\\n' > web/.dockerignore";
    rewritten.git(&["filter-branch", "--force", "--tree-filter", filter, "--", "main"]);
    let really = history(&rewritten, &["--since", "HEAD~6"]);
    assert_eq!(image(&really, "acme/web")["rebuilds"], 3);
    let text = checkout.run(&["history", "--since", "HEAD~6", "--what-if-ignore", "docs"]).exits(0).stdout;
    assert!(text.contains("under these rules; without them 7 rebuilds"), "{text}");
    assert!(text.contains("     2 of 5  acme/web"), "{text}");
    for odd in [&["--what-if-ignore", "!src"][..], &["--what-if-copy", "web/Dockerfile=src"]] {
        checkout.run(&[&["history"], odd].concat()).exits(2);
    }
}

#[test]
fn ranges_without_commits_and_unknown_ones_are_told() {
    let checkout = documented();
    let run = checkout.run(&["history", "--since", "HEAD..HEAD"]).exits(0);
    assert_eq!(run.stdout, "shop · no commits\n");
    let run = checkout.run(&["history", "--since", "nowhere..HEAD"]).exits(2);
    assert!(
        run.stderr.contains("`nowhere` is not a commit") && run.stderr.contains("90.days"),
        "{}",
        run.stderr
    );
    checkout.run(&["history", "--since", "90.moons"]).exits(2);
    checkout.run(&["history", "--since", ""]).exits(2);
    checkout.run(&["history", "--since", "HEAD~1...HEAD"]).exits(2);
    let run = checkout.run(&["history", "nothing"]).exits(2);
    assert!(run.stderr.contains("nothing"), "{}", run.stderr);
    let empty = Checkout::empty();
    empty.write("api/Dockerfile", "FROM busybox\n");
    let run = empty.run(&["history"]).exits(2);
    assert!(run.stderr.contains("`HEAD` is not a commit"), "{}", run.stderr);
    let none = Checkout::with(&[("README.md", "no images\n")]);
    let run = none.run(&["history", "--since", "100.years"]).exits(0);
    assert!(run.stdout.contains("nothing was rebuilt"), "{}", run.stdout);
    let excluded = history(&checkout, &["--since", "HEAD~6", "-x", "base"]);
    assert_eq!(excluded["images"], json!([]), "all are built on it");
}

#[test]
fn a_shallow_clone_says_where_it_ends() {
    let checkout = documented();
    let clone = checkout.beside("clone");
    let url = format!("file://{}", checkout.root.display());
    git_in(
        checkout.root.parent().expect("a folder"),
        &["clone", "--quiet", "--depth=4", &url, clone.to_str().expect("UTF-8")],
    );
    let run = checkout.run_in(&clone, &["history", "--since", "100.years", "--format", "json"]).exits(0);
    let found = run.json();
    assert_eq!(found["commits"].as_array().expect("commits").len(), 3);
    assert_eq!(found["base"], json!(checkout.git(&["rev-parse", "HEAD~3"])));
    assert!(found["diagnostics"].to_string().contains("this clone is shallow"), "{found:#}");
    let whole = history(&checkout, &["--since", "HEAD~3"]);
    assert_eq!(found["commits"], whole["commits"], "keys are those of the whole history");
    let run =
        checkout.run_in(&clone, &["history", "--since", &checkout.git(&["rev-parse", "HEAD~5"])]).exits(2);
    assert!(run.stderr.contains("git fetch --unshallow"), "{}", run.stderr);
}

#[test]
fn what_was_kept_may_be_damaged_or_gone() {
    let checkout = documented();
    let whole = history(&checkout, &["--since", "HEAD~6"]);
    let kept = checkout.root.join(".git/shipwright/history");
    let bytes = fs::read(&kept).expect("what was kept");
    for damage in [&b""[..], b"x", &bytes[..bytes.len() / 2], &[&bytes[..], b"x"].concat()] {
        fs::write(&kept, damage).expect("damaged");
        assert_eq!(history(&checkout, &["--since", "HEAD~6"]), whole);
        assert!(fs::read(&kept).expect("kept anew").starts_with(b"swhist"), "it is mended");
    }
    // That it is asked at all: a commit whose objects are gone can still be told of.
    let before = fs::read(&kept).expect("what was kept");
    history(&checkout, &["--since", "HEAD~6"]);
    assert_eq!(fs::read(&kept).expect("what was kept"), before);
    checkout.write("base/a", "later");
    checkout.commit("later");
    let later = history(&checkout, &["--since", "HEAD~7"]);
    assert_eq!(
        later["commits"].as_array().expect("commits")[..6],
        whole["commits"].as_array().expect("commits")[..]
    );
    assert_eq!(is_as_planned(&checkout, &later), 7);
}

#[test]
fn a_page_holds_what_others_wrote_as_text() {
    let checkout = documented();
    let evil = "web/<img src=x onerror=alert(1)>\u{202e}";
    checkout.write(evil, "1");
    checkout.commit("<script>alert(2)</script>");
    checkout.write("base/a", "evil");
    checkout.commit("</title><script>alert(3)</script>");
    let page = checkout.run(&["history", "--since", "HEAD~8", "--format", "html"]).exits(0).stdout;
    assert!(
        page.contains("&lt;img src=x onerror=alert(1)&gt;\\u{202e}") && page.contains("acme/web"),
        "{page}"
    );
    for injected in ["<img", "<script", "\u{202e}", "src=\"", "href="] {
        assert!(!page.contains(injected), "{injected}: {page}");
    }
    assert!(page.contains("default-src 'none'; style-src 'sha256-"), "{page}");
    let text: Run = checkout.run(&["history", "--since", "HEAD~8", "--verbose"]).exits(0);
    assert!(!text.stdout.contains('\u{202e}'), "{}", text.stdout);
    assert!(texts(&json!(["ok"])) == ["ok"]);
}

/// Numbers that are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % most
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// Whatever happens to files: content, new ones, gone ones, moved files and folders, Dockerfiles and what is read beside them.
fn live(checkout: &Checkout, dice: &mut Dice, steps: usize) {
    const DOCKERFILES: [&str; 6] = [
        "FROM busybox\nCOPY . /\n",
        "FROM acme/base\nCOPY src lib /\n",
        "FROM acme/base\nCOPY src/*.py /\nCOPY *.toml /\n",
        "FROM busybox\nCOPY common/x.py /\n",
        "FROM busybox\nCOPY --from=acme/base / /b\nCOPY --exclude=*.md . /\n",
        "FROM scratch\nADD src /\n",
    ];
    const FOLDERS: [&str; 9] =
        ["api", "api/src", "api/lib", "web", "web/src/deep", "base", "common", "notes", "web/lib"];
    const NAMES: [&str; 8] = ["x.py", "y.py", "a.toml", "README.md", "run.sh", ".gitkeep", "z", "Makefile"];
    for step in 0..steps {
        let tracked = checkout.git(&["ls-files"]);
        let tracked: Vec<&str> = tracked.lines().filter(|path| *path != "shipwright.toml").collect();
        let (some, content) = (dice.of(&tracked), format!("{step}\n"));
        let place = format!("{}/{}", dice.of(&FOLDERS), dice.of(&NAMES));
        match dice.below(10) {
            0..=2 if !some.ends_with("Dockerfile") && !some.starts_with('.') => checkout.write(some, content),
            3 | 4 if !checkout.root.join(&place).exists() => checkout.write(&place, content),
            5 if tracked.len() > 8 => {
                checkout.git(&["rm", "--quiet", "--", some]);
            }
            6 if !checkout.root.join(&place).exists() && !some.starts_with('.') => {
                fs::create_dir_all(checkout.root.join(&place).parent().expect("a folder")).expect("folders");
                checkout.git(&["mv", "--", some, &place]);
            }
            7 => checkout
                .write(&format!("{}/Dockerfile", dice.of(&["api", "web", "base"])), dice.of(&DOCKERFILES)),
            8 => checkout.write(
                &format!("{}/.dockerignore", dice.of(&["api", "web"])),
                dice.of(&["*.md\n", "src\n!src/x.py\n", "**\n!lib\n"]),
            ),
            _ => checkout.write(
                dice.of(&[".gitignore", "web/.gitignore", "Makefile"]),
                dice.of(&["lib\n", "*.toml\n", "\n"]),
            ),
        }
        checkout.git(&["add", "--all", "--force"]);
        checkout.git(&["commit", "--quiet", "--allow-empty", "--message", &format!("step {step}")]);
    }
}

#[test]
fn keys_are_those_of_plan_whatever_happens_to_files() {
    for seed in 1..=3 {
        let checkout = Checkout::with(&[
            ("base/Dockerfile", "FROM busybox\nCOPY . /\n"),
            ("base/x.py", "1\n"),
            ("api/Dockerfile", "FROM acme/base\nCOPY src lib /\n"),
            ("api/src/x.py", "1\n"),
            ("api/lib/y.py", "1\n"),
            ("web/Dockerfile", "FROM acme/base\nCOPY . /\n"),
            ("web/src/deep/x.py", "1\n"),
            ("common/x.py", "1\n"),
            ("shipwright.toml", "namespace = \"acme\"\n"),
        ]);
        live(&checkout, &mut Dice(seed), 30);
        let found = history(&checkout, &["--since", "100.years"]);
        assert_eq!(is_as_planned(&checkout, &found), 31, "seed {seed}");
    }
}
