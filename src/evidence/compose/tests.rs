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
    let args = (0..5_000).map(|n| format!("        A{n}: x\n")).collect::<Vec<_>>().concat();
    let many = (0..5_000).map(|n| format!("  s{n}: {{extends: a}}\n")).collect::<Vec<_>>().concat();
    let bomb = format!("services:\n  a:\n    build:\n      context: .\n      args:\n{args}{many}");
    assert!(reading(&[("compose.yaml", &bomb), ("Dockerfile", "")]).len() < 100);
}

fn read_all(files: &[(String, String)]) -> Reading {
    let files = || files.iter().map(|(path, text)| (&**path, &**text));
    let tree = MemoryTree::new(files().chain([("Dockerfile", "")]));
    let mut compose: Vec<TreePath> =
        files().filter(|(path, _)| path.contains("compose")).map(|(path, _)| path.into()).collect();
    compose.sort();
    read(&compose, &Door::new(&tree, &["Dockerfile".into()], &[]))
}

fn owned(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn variables_cannot_explode() {
    let args = (0..100).map(|n| format!("        A{n}: $A\n")).collect::<Vec<_>>().concat();
    let compose = format!("services:\n  a:\n    build:\n      context: .\n      args:\n{args}");
    let reading =
        read_all(&owned(&[("compose.yaml", &compose), (".env", &format!("A={}", "x".repeat(100_000)))]));
    let bytes: usize = reading.claims[0].args.values().map(|value| value.value.len()).sum();
    assert!(bytes > 1_000_000 && bytes <= crate::limits::COMPOSE_TEXT, "{bytes}");

    let doubling = (1..60).map(|n| format!("A{n}=$A{0}${{A{0}}}\n", n - 1)).collect::<Vec<_>>().concat();
    let compose = "services:\n  a: {build: ., image: acme/$A2}\n  b: {build: ., image: 'acme/b:$A59'}\n";
    let read = reading_with_dockerfile(&[("compose.yaml", compose), (".env", &format!("A0=x\n{doubling}"))]);
    assert_eq!(
        read,
        [
            "compose.yaml:2 Dockerfile image acme/xxxx@compose.yaml:2 context '.'",
            "compose.yaml:3 Dockerfile image acme/b@compose.yaml:3 context '.'",
        ]
    );
}

fn reading_with_dockerfile(files: &[(&str, &str)]) -> Vec<String> {
    reading(&files.iter().copied().chain([("Dockerfile", "")]).collect::<Vec<_>>())
}

#[test]
fn many_files_over_one_base_cannot_explode() {
    let args = (0..500).map(|n| format!("        A{n}: {}\n", "x".repeat(100))).collect::<Vec<_>>().concat();
    let base = format!("services:\n  a:\n    build:\n      context: .\n      args:\n{args}");
    let over = |n| (format!("compose.{n}.yaml"), "services: {a: {build: {target: t}}}\n".to_owned());
    let reading =
        read_all(&(0..1_000).map(over).chain(owned(&[("compose.yaml", &base)])).collect::<Vec<_>>());
    let args: usize = reading.claims.iter().map(|claim| claim.args.len()).sum();
    assert!(args > 10_000 && args < 100_000, "{args}");
    assert!(reading.notes.iter().any(|note| note.message.contains("too much")));
}

#[test]
fn loops_of_files_end() {
    let read = reading_with_dockerfile(&[
        ("compose.yaml", "include: [inc/a.yaml, compose.yaml]\nservices: {m: {build: .}}\n"),
        ("inc/a.yaml", "include: [b.yaml, a.yaml]\nservices: {a: {build: ..}}\n"),
        ("inc/b.yaml", "include: [a.yaml, ../compose.yaml]\nservices: {b: {build: ..}}\n"),
    ]);
    assert_eq!(read.len(), 3, "{read:?}");
    // Compose refuses these: what they would come to is not known.
    let read = reading_with_dockerfile(&[
        (
            "compose.yaml",
            "services:\n  a: {build: ., extends: {file: x.yaml, service: b}}\n  s: {build: ., extends: s}\n  \
             t: {build: ., extends: {file: compose.yaml, service: t}}\n",
        ),
        ("x.yaml", "services:\n  b: {build: ., extends: {file: compose.yaml, service: a}}\n"),
    ]);
    assert!(read.iter().all(|line| line.starts_with("note: ")) && read.len() == 1, "{read:?}");
}

#[test]
fn long_chains_of_extends_end() {
    let chain = |length: usize| {
        let file = |n: usize| {
            let next = format!("extends: {{file: c{}.yaml, service: s}}, ", n + 1);
            let next = if n < length { next } else { String::new() };
            let path = if n == 0 { "compose.yaml".to_owned() } else { format!("c{n}.yaml") };
            (path, format!("services: {{s: {{{next}build: ., image: acme/s}}}}\n"))
        };
        let reading = read_all(&(0..=length).map(file).collect::<Vec<_>>());
        (reading.claims.len(), reading.notes.len())
    };
    assert_eq!(chain(10), (1, 0));
    assert_eq!(chain(40), (0, 1));
}

#[test]
fn files_that_others_name_have_a_limit() {
    let includes = (0..1_200).map(|n| format!("- i/{n}.yaml\n")).collect::<Vec<_>>().concat();
    let files = (0..1_200).map(|n| (format!("i/{n}.yaml"), "services: {a: {build: ..}}\n".to_owned()));
    let main = owned(&[("compose.yaml", &format!("include:\n{includes}"))]);
    let reading = read_all(&files.chain(main).collect::<Vec<_>>());
    assert_eq!(reading.claims.len(), crate::limits::COMPOSE_FOLLOWED);
}

#[test]
fn services_of_one_file_have_a_limit() {
    let services = (0..5_000).map(|n| format!("  s{n}: {{build: .}}\n")).collect::<Vec<_>>().concat();
    let reading = read_all(&owned(&[("compose.yaml", &format!("services:\n{services}"))]));
    assert_eq!((reading.claims.len(), reading.notes.len()), (crate::limits::EVIDENCE_BUILDS, 1));
}

#[test]
fn arguments_without_a_value_take_the_variables() {
    let compose = "services:\n  a:\n    build:\n      context: .\n      args:\n      - FROM_ENV\n      - NOT_KNOWN\n      - X=\n  \
        b: {build: {context: ., args: {FROM_ENV: , NOT_KNOWN: null, Y: ''}}}\n";
    let read =
        reading_with_dockerfile(&[("compose.yaml", compose), (".env", "# x\nFROM_ENV=acme/x:nightly\n")]);
    assert_eq!(
        read,
        [
            "compose.yaml:2 Dockerfile context '.' FROM_ENV=acme/x:nightly@2 X=@8",
            "compose.yaml:9 Dockerfile context '.' FROM_ENV=acme/x:nightly@2 Y=@9",
        ]
    );
}

#[test]
fn what_a_variable_alone_gives_stands_in_its_file() {
    let compose = "services:\n  a:\n    image: ${IMAGE:-x}\n    build:\n      context: ${DIR}\n      target: $TARGET\n  \
        b:\n    image: acme/$NAME\n    build: {context: ., target: '${NONE:-t}'}\n";
    let env = "IMAGE=acme/a\nDIR=.\n\nTARGET=prod\nNAME=b\n";
    let read = reading_with_dockerfile(&[("compose.yaml", compose), (".env", env)]);
    assert_eq!(
        read,
        [
            "compose.yaml:2 Dockerfile image acme/a@.env:1 context '.' target prod@.env:4",
            "compose.yaml:7 Dockerfile image acme/b@compose.yaml:8 context '.' target t@compose.yaml:9",
        ]
    );
}

#[test]
fn a_file_of_names_says_nothing_about_development_builds() {
    let base = |target: &str| {
        format!("services:\n  a:\n    build: {{context: ., target: {target}, args: {{X: 1}}}}\n")
    };
    let names = "services:\n  a: {image: acme/a}\n";
    let line = |file: &str, target: &str| {
        let read = reading_with_dockerfile(&[("docker-compose.yml", &base(target)), (file, names)]);
        read.into_iter().find(|line| line.starts_with(file)).expect("a claim")
    };
    let name = |file: &str| format!("{file}:2 Dockerfile image acme/a@{file}:2 context '.'");
    let whole =
        |file: &str, target: &str| format!("{} target {target}@docker-compose.yml:3 X=1@3", name(file));
    let images = "docker-compose.images.yml";
    assert_eq!(line(images, "dev"), name(images));
    assert_eq!(line(images, "api"), whole(images, "api"));
    // Compose itself lays this one over the base, and development goes with development.
    for file in ["docker-compose.override.yml", "docker-compose.dev.yml"] {
        assert_eq!(line(file, "dev"), whole(file, "dev"));
    }
}

#[test]
fn paths_are_those_of_the_project() {
    let main = "include:\n- {path: inc/a.yaml, project_directory: app}\n";
    let included =
        "services:\n  a:\n    build: {additional_contexts: {src: ./lib, up: ../x, out: ../../x}}\n";
    let read = reading(&[("compose.yaml", main), ("inc/a.yaml", included), ("app/Dockerfile", "")]);
    assert_eq!(
        read,
        [
            "inc/a.yaml:2 app/Dockerfile context 'app' out->Elsewhere(\"../../x\") src->Folder(\"app/lib\") up->Folder(\"x\")"
        ]
    );
    // One that is a compose file by its name as well: whoever includes it knows best.
    let read = reading(&[
        ("compose.yaml", &main.replace("a.yaml", "compose.yaml")),
        ("inc/compose.yaml", included),
        ("app/Dockerfile", ""),
        ("inc/Dockerfile", ""),
    ]);
    assert_eq!(read.len(), 1, "{read:?}");
    assert!(read[0].starts_with("inc/compose.yaml:2 app/Dockerfile context 'app'"), "{read:?}");
    // What a service extends gives its paths, but no project.
    let read = reading(&[
        ("compose.yaml", "services: {a: {extends: {file: sub/x.yaml, service: a}}}\n"),
        ("sub/x.yaml", "services:\n  a:\n    build: {target: t, additional_contexts: {src: lib}}\n"),
        ("Dockerfile", ""),
        ("sub/Dockerfile", ""),
    ]);
    assert_eq!(
        read,
        ["compose.yaml:1 Dockerfile context '.' target t@sub/x.yaml:3 src->Folder(\"sub/lib\")"]
    );
}

#[test]
fn contexts_of_services_stand_for_claims() {
    let main = "include: [inc/a.yaml]\nservices:\n  m:\n    build:\n      context: .\n      additional_contexts:\n        \
        deep: service:b\n        gone: service:none\n        image: service:i\n        inc: service:a\n  i: {image: x}\n";
    let read = reading(&[
        ("compose.yaml", main),
        ("inc/a.yaml", "include: [b.yaml]\nservices:\n  a: {build: ..}\n"),
        ("inc/b.yaml", "services:\n  b: {build: ..}\n  i: {build: nothing}\n"),
        ("Dockerfile", ""),
    ]);
    assert_eq!(
        read[0],
        "compose.yaml:3 Dockerfile context '.' deep->inc/b.yaml:2 gone->Elsewhere(\"service:none\") \
         image->Elsewhere(\"service:i\") inc->inc/a.yaml:3"
    );
    // A base whose service builds nothing that is there.
    let read = reading_with_dockerfile(&[
        ("compose.yaml", "services:\n  b: {build: nothing}\n  c: {build: .}\n"),
        (
            "compose.dev.yaml",
            "services:\n  a: {build: {context: ., additional_contexts: {b: 'service:b', c: 'service:c'}}}\n",
        ),
    ]);
    assert_eq!(
        read[0],
        "compose.dev.yaml:2 Dockerfile context '.' b->Elsewhere(\"service:b\") c->compose.yaml:3"
    );
}

#[test]
fn variables_of_what_is_extended_are_the_projects() {
    let read = reading_with_dockerfile(&[
        ("compose.yaml", "services: {a: {extends: {file: sub/x.yaml, service: a}, build: .}}\n"),
        (".env", "NAME=own\n"),
        ("sub/x.yaml", "services:\n  a: {extends: {file: y.yaml, service: b}}\n"),
        ("sub/y.yaml", "services:\n  b: {image: 'acme/x-${NAME}'}\n"),
        ("sub/.env", "NAME=other\n"),
    ]);
    assert_eq!(read, ["compose.yaml:1 Dockerfile image acme/x-own@sub/y.yaml:2 context '.'"]);
}

#[test]
fn one_file_that_many_projects_extend_cannot_explode() {
    let long = format!("services: {{s: {{build: .}}}}\n# {}\n", "x".repeat(900_000));
    let file = |n| {
        (
            format!("p{n}/compose.yaml"),
            "services: {a: {build: .., extends: {file: ../x.yaml, service: s}}}\n".to_owned(),
        )
    };
    let reading = read_all(&(0..40).map(file).chain(owned(&[("x.yaml", &long)])).collect::<Vec<_>>());
    assert!(reading.notes.iter().any(|note| note.message.contains("too much")), "{:?}", reading.notes);
}

#[test]
fn an_include_may_name_the_files_that_give_its_variables() {
    let included =
        "services: {api: {image: 'acme/api', build: {context: ., args: {V: '${V}', W: '${W:-w}'}}}}";
    let with = |env_file: &str| {
        let include = format!("include: [{{path: sub/compose.yaml{env_file}}}]");
        let said = reading_with_dockerfile(&[
            ("compose.yaml", &include),
            ("sub/compose.yaml", included),
            ("sub/.env", "V=own"),
            ("one.env", "V=1\nW=1"),
            ("two.env", "V=2"),
            ("sub/Dockerfile", "FROM a"),
        ]);
        said.into_iter().filter(|line| line.contains("acme/api")).collect::<Vec<_>>()
    };
    for (env_file, expected) in [
        ("", "V=own@1 W=w@1"),
        (", env_file: one.env", "V=1@1 W=1@2"),
        (", env_file: [one.env, two.env]", "V=2@1 W=1@2"),
        (", env_file: ../outside.env", "W=w@1"),
    ] {
        let said = with(env_file);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].ends_with(expected), "{env_file}: {said:?}");
    }
}
