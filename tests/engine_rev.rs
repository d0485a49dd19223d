//! Commit mode on a real engine: builds from git objects while the work tree is somewhere else, and what happens to
//! tags that never move.

mod support;

use std::collections::BTreeMap;
use std::fs;

use support::{Checkout, Engine, image, images_of, names, text, texts};

macro_rules! engine {
    () => {
        match Engine::start() {
            Some(engine) => engine,
            None => return,
        }
    };
}

/// Everything in the work tree with its time, and the index.
fn work_tree(checkout: &Checkout) -> BTreeMap<String, (Vec<u8>, std::time::SystemTime)> {
    let files = walkdir::WalkDir::new(&checkout.root).into_iter().map(|entry| entry.expect("an entry"));
    let ours = |path: &std::path::Path| {
        !path.starts_with(checkout.root.join(".git")) || path == checkout.root.join(".git/index")
    };
    files
        .filter(|entry| ours(entry.path()))
        .map(|entry| {
            let time = entry.metadata().expect("metadata").modified().expect("a time");
            let bytes =
                if entry.file_type().is_file() { fs::read(entry.path()).expect("bytes") } else { Vec::new() };
            (entry.path().to_string_lossy().into_owned(), (bytes, time))
        })
        .collect()
}

#[test]
fn a_branch_is_built_from_objects_while_the_work_tree_is_another_and_dirty() {
    let engine = engine!();
    let shop = Checkout::shop();
    shop.git(&["switch", "--quiet", "--create", "feature/login"]);
    shop.write("shared/auth.sh", "#!/bin/sh\nallowed() { true; }\n");
    shop.write("web/pages/home.txt", "From the branch.\n");
    shop.commit("Login");
    let login = shop.head();
    let expected = shop.keys();
    shop.git(&["switch", "--quiet", "main"]);
    shop.write("web/pages/home.txt", "dirty\n");
    shop.write("motd/motd.txt", "staged\n");
    shop.write("motd/Dockerfile", "FROM nowhere\n");
    shop.write("shipwright.toml", "not settings");
    fs::remove_dir_all(shop.root.join("shared")).expect("a folder");
    shop.git(&["add", "motd/motd.txt"]);
    let before = work_tree(&shop);

    let (run, events) = engine.build(&shop, &["--rev", "feature/login"]);
    run.exits(0);
    assert_eq!(images_of(&events, "build-started").len(), 12);
    assert_eq!(work_tree(&shop), before, "nothing of the work tree is touched");
    assert_eq!(
        engine.in_image("service1:feature-login", &["cat", "/usr/lib/shop/auth.sh"]),
        "#!/bin/sh\nallowed() { true; }"
    );
    assert!(engine.in_image("web:feature-login", &["cat", "/srv/index.txt"]).contains("From the branch."));
    for (name, key) in &expected {
        assert_eq!(engine.label(&format!("{name}:{login}"), "io.shipwright.key"), *key, "{name}");
        assert!(engine.has(&format!("{name}:latest")), "{name}");
        assert!(!engine.has(&format!("{name}:main")), "{name}");
    }
    // A checkout of the branch finds all of it in place.
    shop.git(&["reset", "--quiet", "--hard"]);
    shop.git(&["clean", "-fdq"]);
    shop.git(&["switch", "--quiet", "feature/login"]);
    let (run, events) = engine.build(&shop, &[]);
    run.exits(0);
    assert!(images_of(&events, "build-started").is_empty() && images_of(&events, "tagged").is_empty());
}

#[test]
fn files_of_all_kinds_arrive_as_the_work_tree_s_do() {
    let engine = engine!();
    let checkout = Checkout::empty();
    checkout.write("all/Dockerfile", "FROM busybox\nCOPY . /all\n");
    checkout.write("all/run.sh", "#!/bin/sh\n");
    checkout.make_executable("all/run.sh");
    checkout.write("all/with space", "x\n");
    checkout.write("all/deep/er/empty", "");
    checkout.write("all/crlf.txt", "a\nb\n");
    checkout.write("all/ident", "$Id$\n");
    checkout.write("all/.gitattributes", "*.txt eol=crlf\nident ident\n");
    // Larger than what is read in one piece, and not compressible.
    let mut number = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33).to_le_bytes()[0]
    })
    .take(12 << 20)
    .collect();
    checkout.write("all/large", &noise);
    std::os::unix::fs::symlink("../run.sh", checkout.root.join("all/deep/link")).expect("a link");
    checkout.commit("all kinds");
    checkout.git(&["rm", "--quiet", "--cached", "-r", "."]);
    checkout.git(&["reset", "--quiet", "--hard"]);
    checkout.git(&["gc", "--quiet"]);
    engine.run(&checkout, &["build", "--rev", "HEAD"]).exits(0);
    let head = checkout.head();
    let list = [
        "sh",
        "-c",
        "cd /all && find . -type f -exec stat -c '%n %a %s %Y' {} + | sort && find . -type f | sort | tr '\\n' '\\0' | xargs -0 md5sum && readlink deep/link",
    ];
    let from_objects = engine.in_image(&format!("all:{head}"), &list);
    assert!(
        from_objects.contains("./run.sh 755") && from_objects.contains("./crlf.txt 644 6"),
        "{from_objects}"
    );
    assert!(!engine.has("all:main") && !engine.has("all:latest"), "HEAD is no branch's name");
    let plan = engine.run(&checkout, &["plan", "--format", "json"]).exits(0).json();
    let reference = text(&image(&plan, "all")["reference"]);
    engine.docker(&["rmi", "--force", &reference, &format!("{}/all:{head}", engine.namespace)]);
    engine.run(&checkout, &["build"]).exits(0);
    assert_eq!(engine.in_image("all:main", &list), from_objects);
}

#[test]
fn a_commit_and_a_git_tag_move_nothing() {
    let engine = engine!();
    let shop = Checkout::shop();
    engine.build(&shop, &["motd"]).0.exits(0);
    let main = engine.id("motd:main");
    let first = shop.head();
    shop.write("motd/motd.txt", "Later.\n");
    shop.commit("Later");
    shop.git(&["tag", "v2"]);
    let (run, events) = engine.build(&shop, &["--rev", "v2", "motd"]);
    run.exits(0);
    assert_eq!(images_of(&events, "build-started"), ["motd"]);
    assert_eq!((engine.id("motd:main"), engine.id("motd:latest")), (main.clone(), main.clone()));
    assert_ne!(engine.id("motd:v2"), main);
    assert_eq!(engine.id("motd:v2"), engine.id(&format!("motd:{}", shop.head())));
    // An old commit needs no build, and moves nothing either.
    let (run, events) = engine.build(&shop, &["--rev", &first, "motd"]);
    run.exits(0);
    assert!(images_of(&events, "build-started").is_empty());
    // The branch by its name moves its tags, from wherever the work tree is.
    shop.git(&["switch", "--quiet", "--detach", &first]);
    engine.build(&shop, &["--rev", "main", "motd"]).0.exits(0);
    assert_eq!(engine.id("motd:main"), engine.id("motd:v2"));
}

#[test]
fn a_bare_repository_and_a_submodule_s_objects() {
    let engine = engine!();
    let (shop, library) = (Checkout::shop(), Checkout::empty());
    library.write("lib.txt", "from the library\n");
    library.commit("first");
    shop.git(&["submodule", "--quiet", "add", &library.root.to_string_lossy(), "motd/lib"]);
    shop.write("motd/Dockerfile", "FROM busybox\nCOPY . /motd\n");
    shop.commit("With a library");
    shop.git(&["submodule", "--quiet", "deinit", "--all", "--force"]);
    engine.build(&shop, &["--rev", "main", "motd"]).0.exits(0);
    assert_eq!(engine.in_image("motd:main", &["cat", "/motd/lib/lib.txt"]), "from the library");

    let bare = shop.beside("shop.git");
    shop.git(&["clone", "--quiet", "--bare", ".", &bare.to_string_lossy()]);
    let mut command = engine.command(&shop, &["build", "--rev", "main", "base"]);
    let done = support::Run::of(&command.current_dir(&bare).output().expect("the command runs"));
    done.exits(0);
}

/// A tag that never moves stays where it is, and the run says so.
#[test]
fn conflicts_of_tags_that_never_move() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        (".gitignore", "*.jar\n"),
        ("api/Dockerfile", "FROM busybox\nCOPY . /srv\n"),
        ("api/main", "main\n"),
    ]);
    checkout.git(&["tag", "v1"]);
    let head = checkout.head();
    checkout.write("api/app.jar", "one\n");
    engine.build(&checkout, &[]).0.exits(0);
    let first = engine.id("api:main");
    assert_eq!(engine.id(&format!("api:{head}")), first);
    checkout.write("api/app.jar", "two\n");
    let plan = engine.run(&checkout, &["plan"]).exits(0);
    for tag in [&head, "v1"] {
        let said = format!(
            "{}/api:{tag} already names an image with different content and is not moved",
            engine.namespace
        );
        assert!(plan.stderr.contains(&said), "{said}: {}", plan.stderr);
    }
    let (run, _) = engine.build(&checkout, &[]);
    let run = run.exits(0);
    assert!(run.stderr.contains("is not moved"), "{}", run.stderr);
    let second = engine.id("api:main");
    assert_ne!(second, first);
    for tag in [&head, "v1"] {
        assert_eq!(engine.id(&format!("api:{tag}")), first, "{tag}");
    }
    let json = engine.run(&checkout, &["plan", "--format", "json"]).exits(0).json();
    let tags = texts(&image(&json, "api")["tags"]);
    assert_eq!(tags[1..], ["main", "latest"], "what it cannot have it does not count among its tags");
    // The commit alone has neither jar: a third content, which no tag of the commit is free for.
    let (run, _) = engine.build(&checkout, &["--rev", "v1"]);
    run.exits(0);
    assert_eq!((engine.id("api:v1"), engine.id("api:main")), (first, second));
}

#[test]
fn a_part_of_a_dirty_checkout_moves_its_own_tags_only() {
    let engine = engine!();
    let shop = Checkout::shop();
    engine.build(&shop, &[]).0.exits(0);
    let ids = |name: &str| engine.id(&format!("{name}:main"));
    let before: BTreeMap<String, String> =
        names(&shop.plan(&[])).iter().map(|name| (name.clone(), ids(name))).collect();
    shop.write("shared/auth.sh", "edited\n");
    engine.build(&shop, &["service1"]).0.exits(0);
    let moved: Vec<&String> =
        before.iter().filter(|(name, id)| ids(name) != **id).map(|(name, _)| name).collect();
    assert_eq!(moved, ["service1", "shared"]);
    let head = shop.head();
    assert_eq!(
        engine.id(&format!("shared:{head}")),
        before["shared"],
        "the commit's tag is no dirty image's"
    );
    let dirty = text(&image(&shop.plan(&[]), "shared")["key"]);
    assert_eq!(engine.label("shared:main", "io.shipwright.key"), dirty);
}
