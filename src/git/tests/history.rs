use bstr::ByteSlice;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::git::testing::TestRepository;
use crate::git::{CommitId, PathPattern, Pathspecs, Questions};
use crate::path::TreePath;

fn path(path: &str) -> Pathspecs {
    Pathspecs::literal([path.into()])
}

fn glob(pattern: &str) -> Pathspecs {
    Pathspecs { paths: vec![PathPattern::Glob(pattern.into())] }
}

/// What git itself says.
fn expected(repository: &TestRepository, from: &str, query: &Pathspecs) -> Option<CommitId> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let mut arguments: Vec<Vec<u8>> =
        ["log", "-1", "--format=%H", from, "--"].into_iter().map(|word| word.as_bytes().to_vec()).collect();
    arguments.extend(query.paths.iter().map(PathPattern::to_git));
    let answer =
        repository.git_in(repository.root(), arguments.iter().map(|argument| OsStr::from_bytes(argument)));
    answer.trim().to_str().expect("hex").parse().ok()
}

/// Asks for everything at once, twice (the second time the cache answers), and compares with git.
fn check(repository: &TestRepository, from: &str, queries: &[Pathspecs]) {
    let checkout = repository.checkout();
    let commit = checkout.resolve(from).expect("a commit");
    let expected: Vec<_> = queries.iter().map(|query| self::expected(repository, from, query)).collect();
    for run in ["walked", "remembered"] {
        let answers = checkout.revisions(commit, &Questions::new(queries.to_vec())).expect("history");
        for ((query, answer), expected) in queries.iter().zip(answers).zip(&expected) {
            assert_eq!(answer, *expected, "{run}: {query:?} from {from} in {}", repository.root().display());
        }
    }
}

#[test]
fn the_last_commit_that_changed_added_or_removed() {
    let repository = TestRepository::new();
    repository.write("a/x", "1");
    repository.write("b", "1");
    let first = repository.commit("first");
    repository.write("a/y", "1");
    let added = repository.commit("added");
    repository.write("b", "2");
    let changed = repository.commit("changed");
    repository.remove("a/x");
    let removed = repository.commit("removed");
    repository.write("z", "1");
    let last = repository.commit("last");
    repository.commit("nothing");
    let checkout = repository.checkout();
    let queries = [path("a"), path("a/y"), path("b"), path("a/x"), path("never"), path(""), glob("a/*")];
    let answers = checkout
        .revisions(checkout.head().commit.expect("born"), &Questions::new(queries.to_vec()))
        .expect("history");
    let answers: Vec<_> = answers.iter().map(|answer| answer.map(|commit| commit.to_string())).collect();
    let wanted = [Some(removed.clone()), Some(added), Some(changed), Some(removed.clone()), None, Some(last)];
    assert_eq!(answers[..6], wanted);
    assert_eq!(answers[6], Some(removed));
    assert_ne!(answers[1], Some(first));
    check(&repository, "HEAD", &queries);
}

#[test]
fn modes_links_and_folders_that_become_files_count() {
    let repository = TestRepository::new();
    repository.write("run.sh", "x");
    repository.write("d/e/f", "x");
    repository.commit("first");
    repository.set_mode("run.sh", 0o755);
    repository.commit("mode");
    repository.write("other", "x");
    repository.commit("other");
    std::fs::remove_dir_all(repository.path("d")).expect("there");
    repository.link("d", "run.sh");
    repository.commit("link");
    repository.write("other", "y");
    repository.commit("other");
    let queries = [
        path("run.sh"),
        path("d"),
        path("d/e"),
        path("d/e/f"),
        glob("d/*/*"),
        glob("*"),
        glob("**/f"),
        glob("d/**"),
    ];
    check(&repository, "HEAD", &queries);
}

#[test]
fn merges_follow_the_parent_that_is_the_same() {
    let repository = TestRepository::new();
    repository.write("a", "1");
    repository.write("b", "1");
    repository.commit("first");
    repository.git(["checkout", "--quiet", "-b", "side"]);
    repository.write("a", "2");
    let side = repository.commit("side");
    repository.git(["checkout", "--quiet", "main"]);
    repository.write("b", "2");
    let main = repository.commit("main");
    repository.git(["merge", "--quiet", "--no-edit", "side"]);
    let checkout = repository.checkout();
    let head = checkout.head().commit.expect("born");
    let answers = checkout.revisions(head, &Questions::new(vec![path("a"), path("b")])).expect("history");
    assert_eq!(answers, [side.parse().ok(), main.parse().ok()]);
    // Both together differ from both parents.
    let both = Pathspecs::literal(["a".into(), "b".into()]);
    assert_eq!(checkout.revisions(head, &Questions::new(vec![both])).expect("history"), [Some(head)]);
}

#[test]
fn a_shallow_clone_ends_at_its_boundary() {
    let repository = TestRepository::new();
    for number in 0..6 {
        repository.write(format!("f{number}"), "x");
        repository.commit("more");
    }
    let clone = repository.beside("clone");
    let url = format!("file://{}", repository.root().display());
    repository.git(["clone", "--quiet", "--depth=3", &url, clone.to_str().expect("text")]);
    let checkout = crate::git::Checkout::discover(&clone).expect("found");
    let head = checkout.head().commit.expect("born");
    let queries: Vec<_> = (0..6).map(|number| path(&format!("f{number}"))).collect();
    let boundary = checkout.resolve("HEAD~2").expect("the boundary");
    let answers = checkout.revisions(head, &Questions::new(queries.clone())).expect("history");
    assert_eq!(answers[0], Some(boundary));
    assert_eq!(answers[3], Some(boundary));
    assert_eq!(answers[5], Some(head));
    // What was remembered is not right any more once the clone is deeper.
    repository.git_in(&clone, ["fetch", "--quiet", "--unshallow"]);
    let checkout = crate::git::Checkout::discover(&clone).expect("found");
    let first = checkout.resolve("HEAD~5").expect("the first");
    assert_eq!(checkout.revisions(head, &Questions::new(queries.clone())).expect("history")[0], Some(first));
}

#[test]
fn another_commit_of_a_submodule_changes_what_is_in_it() {
    let repository = TestRepository::new();
    let library = TestRepository::new();
    library.write("src/lib.c", "1");
    library.commit("library");
    repository.git(["submodule", "--quiet", "add", library.root().to_str().expect("text"), "deps/lib"]);
    let added = repository.commit("submodule");
    repository.write("x", "x");
    repository.commit("x");
    let checkout = repository.checkout();
    let head = checkout.head().commit.expect("born");
    let queries = [path("deps"), path("deps/lib"), path("deps/lib/src/lib.c"), glob("deps/lib/src/*.c")];
    let answers = checkout.revisions(head, &Questions::new(queries.to_vec())).expect("history");
    assert_eq!(answers, [added.parse().ok(); 4]);
    check(&repository, "HEAD", &queries[..2]);
}

#[test]
fn what_was_found_at_one_commit_answers_from_the_next() {
    let repository = TestRepository::new();
    for number in 0..5 {
        repository.write(format!("f{number}"), "x");
        repository.commit("more");
    }
    let queries: Vec<_> = (0..6).map(|number| path(&format!("f{number}"))).collect();
    check(&repository, "HEAD", &queries);
    repository.write("f2", "y");
    repository.commit("one more");
    check(&repository, "HEAD", &queries);
    // A query that was not asked before.
    check(&repository, "HEAD", &[path("f1"), glob("f*")]);
    // A file that is no cache is no harm.
    std::fs::write(repository.path(".git/shipwright/revisions"), "garbage").expect("writable");
    check(&repository, "HEAD", &queries);
}

/// A random history with merges, removals, renames, modes and reverts.
fn random_history(seed: u64) -> (TestRepository, Vec<Pathspecs>) {
    let mut random = StdRng::seed_from_u64(seed);
    let names = ["a", "b", "a-b", "ab", "a.c", "d"];
    let any_path = |random: &mut StdRng| {
        let depth = random.random_range(1..4);
        (0..depth).map(|_| *names.choose(random).expect("names")).collect::<Vec<_>>().join("/")
    };
    let mut stream: Vec<u8> = Vec::new();
    let commits = random.random_range(5..40);
    let mut states: Vec<std::collections::BTreeMap<String, (bool, u8)>> = Vec::new();
    for number in 0..commits {
        let parents: Vec<usize> = match (number, random.random_range(0..10)) {
            (0, _) => Vec::new(),
            // Another root.
            (_, 0) if number < 4 => Vec::new(),
            (2.., 1..=3) => {
                let first = random.random_range(0..number);
                let second = random.random_range(0..number);
                if first == second { vec![first] } else { vec![first, second] }
            }
            (3.., 4) => {
                let mut parents = vec![number - 1, number - 2, number - 3];
                parents.rotate_left(random.random_range(0..3));
                parents
            }
            _ => vec![random.random_range(number.saturating_sub(3)..number)],
        };
        let mut files = match parents.choose(&mut random) {
            Some(parent) => states[*parent].clone(),
            None => std::collections::BTreeMap::default(),
        };
        // A merge takes some files from each side.
        for parent in parents.iter().skip(1) {
            for (path, content) in states[*parent].clone() {
                if random.random_bool(0.5) {
                    files.insert(path, content);
                }
            }
        }
        for _ in 0..random.random_range(0..4) {
            let path = any_path(&mut random);
            match random.random_range(0..4) {
                0 => {
                    files.remove(&path);
                }
                1 => {
                    if let Some((old, content)) = files.clone().into_iter().next() {
                        files.remove(&old);
                        files.insert(path, content);
                    }
                }
                _ => {
                    files.insert(path, (random.random_bool(0.2), random.random_range(0..3)));
                }
            }
        }
        // A path is a file or a folder, not both.
        let all: Vec<String> = files.keys().cloned().collect();
        files.retain(|path, _| !all.iter().any(|other| other.starts_with(&format!("{path}/"))));
        // The clock runs backwards now and then.
        let time = 1_600_000_000 + number * 100 - if random.random_bool(0.1) { 550 } else { 0 };
        let head =
            format!("commit refs/heads/main\nmark :{}\ncommitter A <a@x> {time} +0000\ndata 0\n", number + 1);
        stream.extend(head.into_bytes());
        for (at, parent) in parents.iter().enumerate() {
            let word = if at == 0 { "from" } else { "merge" };
            stream.extend(format!("{word} :{}\n", parent + 1).into_bytes());
        }
        stream.extend(b"deleteall\n");
        for (path, (executable, content)) in &files {
            let mode = if *executable { "100755" } else { "100644" };
            stream.extend(format!("M {mode} inline {path}\ndata 1\n{content}\n").into_bytes());
        }
        stream.extend(b"\n");
        // So that a commit without parents does not get the branch's last one.
        stream.extend(b"reset refs/heads/main\n\n");
        stream.extend(format!("reset refs/heads/c{number}\nfrom :{}\n\n", number + 1).into_bytes());
        states.push(files);
    }
    let repository = TestRepository::new();
    repository.write(".git/stream", &stream);
    let script = "git fast-import --quiet <.git/stream";
    let imported =
        std::process::Command::new("sh").args(["-c", script]).current_dir(repository.root()).status();
    assert!(imported.expect("sh").success());
    let patterns = [
        "*", "a/*", "**/a", "a/**", "**/b/*", "a*", "?", "[ab]/d", "[!a]*/**", "a/**/d", "*/*", "**",
        "a.c/*", "d/a*/?",
    ];
    let queries = (0..40)
        .map(|_| {
            let count = random.random_range(1..4);
            let pattern = |_| {
                if random.random_bool(0.3) {
                    PathPattern::Glob((*patterns.choose(&mut random).expect("patterns")).into())
                } else if random.random_bool(0.05) {
                    PathPattern::Path(TreePath::root())
                } else {
                    PathPattern::Path(any_path(&mut random).as_str().into())
                }
            };
            Pathspecs { paths: (0..count).map(pattern).collect() }
        })
        .collect();
    (repository, queries)
}

#[test]
fn random_histories_give_what_git_gives() {
    for seed in 0..6 {
        let (repository, queries) = random_history(seed);
        let newest =
            repository.git(["for-each-ref", "--format=%(refname)", "--sort=-committerdate", "refs/heads"]);
        for from in newest.lines().take(2) {
            check(&repository, from, &queries);
        }
    }
}

#[test]
fn questions_that_share_paths_give_what_git_gives_for_all_of_them() {
    let (repository, parts) = random_history(9);
    let mut questions = Questions::new(parts.clone());
    let mut all: Vec<Vec<PathPattern>> = parts.iter().map(|part| part.paths.clone()).collect();
    for question in (1..parts.len()).filter(|question| question % 4 != 0) {
        questions.add_question(question, question - 1);
        all[question] = [all[question].clone(), all[question - 1].clone()].concat();
    }
    let checkout = repository.checkout();
    let newest =
        repository.git(["for-each-ref", "--format=%(refname)", "--count=1", "--sort=-committerdate"]);
    let commit = checkout.resolve(&newest).expect("a commit");
    for run in ["walked", "remembered"] {
        let answers = checkout.revisions(commit, &questions).expect("history");
        for (paths, answer) in all.iter().zip(answers) {
            let query = Pathspecs { paths: paths.clone() };
            assert_eq!(answer, expected(&repository, &newest, &query), "{run}: {query:?}");
        }
    }
}
