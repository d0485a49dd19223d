use super::*;
use crate::git::memory_tree::MemoryTree;

/// Claims as lines: `place dockerfile name context target args contexts`.
fn reading(files: &[(&str, &str)]) -> Vec<String> {
    let tree = MemoryTree::new(files.iter().copied());
    let is = |wanted: &str| {
        let paths = files
            .iter()
            .map(|(path, _)| *path)
            .filter(move |path| path.contains("Dockerfile") == (wanted == "d"));
        let mut paths: Vec<TreePath> = paths.map(TreePath::from).collect();
        paths.sort();
        paths
    };
    let dockerfiles = is("d");
    let compose: Vec<_> = is("c").into_iter().filter(|path| path.to_text().contains("compose")).collect();
    let reading = read(&compose, &Door::new(&tree, &dockerfiles, &[]));
    let notes = reading.notes.iter().map(|note| format!("note: {}", note.message));
    reading.claims.iter().map(show).chain(notes).collect()
}

fn at(place: &Place) -> String {
    format!("{}:{}", place.path, place.line)
}

fn show(claim: &Claim) -> String {
    let mut line = format!("{} {}", at(&claim.place), claim.dockerfile);
    if let Some(name) = &claim.name {
        line += &format!(" image {}@{}", name.value.repository, at(&name.place));
    }
    if let Some(context) = &claim.context {
        line += &format!(" context '{}'", context.value);
    }
    if let Some(target) = &claim.target {
        line += &format!(" target {}@{}", target.value, at(&target.place));
    }
    for (key, value) in &claim.args {
        line += &format!(" {key}={}@{}", value.value, value.place.line);
    }
    for platform in &claim.platforms {
        line += &format!(" for {}", platform.value);
    }
    for (name, context) in &claim.contexts {
        line += &match &context.value {
            NamedContext::Claimed { claim } => format!(" {name}->{}", at(claim)),
            other => format!(" {name}->{other:?}"),
        };
    }
    line
}

#[test]
fn services_are_read_short_and_long() {
    let compose = "services:\n  a:\n    build: ./a\n    image: ${R:-acme}/a:${TAG}\n  b:\n    profiles: [x]\n    build:\n      \
        context: .\n      dockerfile: b/Dockerfile\n      target: prod\n      args: [X=1, Y, 'Z=${U}']\n      \
        platforms: [linux/arm64]\n      additional_contexts: {base: 'service:a', src: ./a}\n  c: {image: x}\n  d: {build: 'https://x/y.git'}\n  \
        e: {build: {context: a, dockerfile_inline: FROM x}}\n";
    assert_eq!(
        reading(&[("compose.yaml", compose), ("a/Dockerfile", ""), ("b/Dockerfile", "")]),
        [
            "compose.yaml:2 a/Dockerfile image acme/a@compose.yaml:4 context 'a'",
            "compose.yaml:5 b/Dockerfile context '.' target prod@compose.yaml:10 X=1@11 for linux/arm64 \
             base->compose.yaml:2 src->Folder(\"a\")",
        ]
    );
}

#[test]
fn files_of_one_folder_are_sets() {
    let base =
        "services:\n  a:\n    build: {context: ., args: {X: 1, Y: 2}, target: t}\n  b: {image: acme/b}\n";
    let dev = "services:\n  a:\n    image: acme/a\n    build:\n      target: !reset null\n      args: {X: 3}\n  b: {build: .}\n";
    let read = reading(&[("s/compose.yaml", base), ("s/compose.override.yml", dev), ("s/Dockerfile", "")]);
    assert_eq!(
        read,
        [
            "s/compose.override.yml:2 s/Dockerfile image acme/a@s/compose.override.yml:3 context 's' X=3@6 Y=2@3",
            "s/compose.override.yml:7 s/Dockerfile image acme/b@s/compose.yaml:4 context 's'",
            "s/compose.yaml:2 s/Dockerfile context 's' target t@s/compose.yaml:3 X=1@3 Y=2@3",
        ]
    );
}

#[test]
fn services_extend_and_files_include_others() {
    let main = "include: [sub/inc.yaml, ../out.yaml]\nservices:\n  a:\n    extends: {file: sub/common.yaml, service: x}\n    \
        image: acme/a:$TAG\n  l: {extends: l, build: .}\n";
    let common = "services:\n  x:\n    extends: y\n  y:\n    build: {context: ./y, target: t}\n";
    let read = reading(&[
        ("compose.yaml", main),
        ("sub/common.yaml", common),
        ("sub/inc.yaml", "services: {i: {build: y, image: acme/i}}\n"),
        ("sub/y/Dockerfile", ""),
    ]);
    assert_eq!(
        read,
        [
            "compose.yaml:3 sub/y/Dockerfile image acme/a@compose.yaml:5 context 'sub/y' target t@sub/common.yaml:5",
            "sub/inc.yaml:1 sub/y/Dockerfile image acme/i@sub/inc.yaml:1 context 'sub/y'",
        ]
    );
}

#[test]
fn what_is_no_compose_file_gives_nothing() {
    assert!(reading(&[("compose.yaml", "a: [1, 2]\n"), ("Dockerfile", "")]).is_empty());
    assert!(reading(&[("compose.yaml", "{{ if x }}\n"), ("Dockerfile", "")]).is_empty());
    let broken = reading(&[("compose.yaml", "services:\n  a: {build: .\n"), ("Dockerfile", "")]);
    assert_eq!(broken.len(), 1);
    assert!(broken[0].starts_with("note: "));
}

#[test]
fn services_that_copy_much_end() {
    let args: String = (0..5_000).map(|n| format!("        A{n}: x\n")).collect();
    let many: String = (0..5_000).map(|n| format!("  s{n}: {{extends: a}}\n")).collect();
    let bomb = format!("services:\n  a:\n    build:\n      context: .\n      args:\n{args}{many}");
    assert!(reading(&[("compose.yaml", &bomb), ("Dockerfile", "")]).len() < 100);
}
