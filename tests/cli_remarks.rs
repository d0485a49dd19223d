//! What builds as it is written and is hardly meant.

mod support;

use support::{Checkout, Run};

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\n\
                       oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

fn plan(checkout: &Checkout) -> Run {
    checkout.run(&["plan", "--offline"])
}

#[test]
fn a_git_folder_is_sent_where_a_source_names_it_and_noted_where_one_hardly_means_it() {
    for (ignore, copy, noted) in [
        ("*\n!.git\n!a\n", "COPY . .", true),
        (".git\n!.git/HEAD\n", "COPY . .", true),
        (".git\n!.git\n", "COPY a .git /", false),
        ("*\n!.git\n!a\n", "COPY a .git/HEAD /", false),
        ("*\n!a\n", "COPY . .", false),
        ("*\n!.git\n!a\n", "COPY a /", false),
        (".git\n!.git\n.git/\n", "COPY . .", false),
    ] {
        let text = format!("FROM busybox\n{copy}\n");
        let checkout = Checkout::with(&[
            ("Dockerfile", &text),
            ("b.Dockerfile", &text),
            ("a", "1"),
            (".dockerignore", ignore),
        ]);
        let run = plan(&checkout);
        let said = run.stderr.lines().filter(|line| line.contains(".dockerignore takes `.git` back")).count();
        assert_eq!(said, usize::from(noted), "{ignore:?} {copy}: {}", run.stderr);
    }
    let checkout = Checkout::with(&[("Dockerfile", "FROM busybox\nCOPY .git/HEAD /\n")]);
    let run = plan(&checkout).exits(0);
    run.says("`COPY .git/HEAD` reads git's own folder, so every commit changes the image's key");
    let explained = |checkout: &Checkout| {
        let explained = checkout.run(&["plan", "--offline", "--explain", "shop"]).exits(0).stdout;
        explained.lines().filter(|line| line.ends_with(" .git/HEAD")).count()
    };
    assert_eq!(explained(&checkout), 1);
    // A commit has none.
    let run = checkout.run(&["plan", "--offline", "--rev", "main"]);
    assert!(run.stdout.contains("is in `.git`, of which only a main work tree has the files"), "{run:?}");
    checkout.write("Dockerfile", "FROM busybox\nCOPY . /\n");
    assert_eq!(explained(&checkout), 0);
}

#[test]
fn pointers_of_git_lfs_are_a_warning_that_names_them() {
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\nCOPY . .\n"),
        ("web/Dockerfile", "FROM busybox\nCOPY model.bin /\n"),
        (".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n"),
        ("api/model.bin", POINTER),
        ("api/real.bin", "not a pointer, though it is long enough to be one: ".repeat(3).as_str()),
        ("api/pointer.txt", POINTER),
        ("web/model.bin", POINTER),
        ("other/unused.bin", POINTER),
    ]);
    let run = plan(&checkout).exits(0);
    let run = run.says("2 inputs are pointers of Git LFS, not the files: api/model.bin, web/model.bin");
    let run = run.says("git lfs pull");
    assert_eq!(run.stderr.matches("Git LFS").count(), 1, "{}", run.stderr);
    checkout.write("api/model.bin", "the file");
    plan(&checkout).says("1 input is a pointer of Git LFS, not the file: web/model.bin");
    checkout.write("web/model.bin", "the file");
    assert!(!plan(&checkout).stderr.contains("LFS"));
    // Without the attribute it is a file like any other.
    checkout.write("web/model.bin", POINTER);
    checkout.write(".gitattributes", "*.png filter=lfs\n");
    assert!(!plan(&checkout).stderr.contains("LFS"));
}
