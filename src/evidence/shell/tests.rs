use proptest::prelude::*;

use super::*;
use crate::evidence::{Claim, NamedContext};
use crate::git::memory_tree::MemoryTree;
use crate::git::{NodeKind, Tracking};
use crate::limits;

/// Each claim as `DOCKERFILE CONTEXT NAME:TAG target=… A=B`.
pub(crate) fn shown(claims: &[Claim]) -> Vec<String> {
    let show = |claim: &Claim| {
        let mut words = vec![claim.dockerfile.to_string()];
        words.push(claim.context.as_ref().map_or("?".to_owned(), |context| context.value.to_string()));
        words.push(claim.name.as_ref().map_or("?".to_owned(), |name| {
            let front = if name.value.is_whole { "" } else { "…/" };
            let tag = name.value.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
            format!("{front}{}{tag}", name.value.repository)
        }));
        words.extend(claim.target.as_ref().map(|target| format!("target={}", target.value)));
        words.extend(claim.args.iter().map(|(name, value)| format!("{name}={}", value.value)));
        words.extend(claim.platforms.iter().map(|platform| platform.value.to_string()));
        words.extend(claim.contexts.iter().map(|(name, context)| format!("{name}={:?}", context.value)));
        words.join(" ")
    };
    claims.iter().map(show).collect()
}

const DOCKERFILES: [&str; 6] = [
    "Dockerfile",
    "api/Dockerfile",
    "docker/Dockerfile.dev",
    "docker/base/Dockerfile",
    "tools/Dockerfile",
    "web/Dockerfile",
];

fn claims_of(path: &str, text: &str) -> Vec<Claim> {
    let tree = DOCKERFILES.iter().fold(MemoryTree::default(), |tree, file| tree.file(file, "FROM a"));
    let tree = tree.file(path, text);
    let dockerfiles: Vec<TreePath> = DOCKERFILES.iter().map(|path| (*path).into()).collect();
    let reading = read(&[path.into()], &Door::new(&tree, &dockerfiles, &[]));
    assert_eq!(reading.notes, []);
    reading.claims
}

fn said(text: &str) -> Vec<String> {
    shown(&claims_of("hack/build.sh", text))
}

#[test]
fn flags_are_dockers() {
    for (command, expected) in [
        ("docker build -t acme/api:1 api", "api/Dockerfile api acme/api:1"),
        ("docker build -tacme/api api/", "api/Dockerfile api acme/api"),
        ("docker build -qt acme/api ./api", "api/Dockerfile api acme/api"),
        ("docker image build --tag=acme/api api", "api/Dockerfile api acme/api"),
        (
            "docker buildx build --push --platform linux/amd64,linux/arm64 -f api/Dockerfile . -t acme/api",
            "api/Dockerfile . acme/api linux/amd64 linux/arm64",
        ),
        (
            "docker --context x buildx --builder b build --target dev --build-arg A=1 --build-arg B --build-arg=C= api",
            "api/Dockerfile api ? target=dev A=1 C=",
        ),
        ("podman build -v /a:/b --format docker -t acme/api api", "api/Dockerfile api acme/api"),
        ("buildah bud -f docker/Dockerfile.dev -t acme/dev", "docker/Dockerfile.dev . acme/dev"),
        ("sudo -E DOCKER_BUILDKIT=1 docker build -t a/api api", "api/Dockerfile api a/api"),
        ("DOCKER_BUILDKIT=1 /usr/bin/docker build -t a/api api 2>&1 | tee log", "api/Dockerfile api a/api"),
        ("$DOCKER build -t a/api api", "api/Dockerfile api a/api"),
        ("${CONTAINER_TOOL:-podman} build -t a/api api", "api/Dockerfile api a/api"),
        ("docker build $OPTIONS -t $REGISTRY/api:$TAG api", "api/Dockerfile api …/api"),
        ("docker build -f api/Dockerfile -t a/api \"$CONTEXT\"", "api/Dockerfile ? a/api"),
        (
            "/kaniko/executor --context $PWD --dockerfile docker/Dockerfile.dev --destination a/dev:1 --cache",
            "docker/Dockerfile.dev . a/dev:1",
        ),
    ] {
        assert_eq!(said(command), [expected], "{command}");
    }
}

#[test]
fn named_contexts_are_folders_images_or_elsewhere() {
    let claims = claims_of(
        "b.sh",
        "docker build --build-context w=web --build-context=b=docker-image://busybox:1 --build-context u=https://x api",
    );
    let contexts: Vec<_> =
        claims[0].contexts.iter().map(|(name, said)| (&**name, said.value.clone())).collect();
    let image = "busybox:1".parse().expect("a reference");
    assert_eq!(
        contexts,
        [
            ("b", NamedContext::Image(image)),
            ("u", NamedContext::Elsewhere("https://x".to_owned())),
            ("w", NamedContext::Folder("web".into())),
        ]
    );
}

#[test]
fn what_is_no_build_of_the_checkout_is_no_claim() {
    for command in [
        "docker build -t a/b - < nowhere/Dockerfile",
        "docker build -t a/b -",
        "docker build -t a/b -f - . <<EOF\nFROM a\nEOF",
        "echo FROM a | docker build -t a/b -",
        "docker build -t a/b https://github.com/acme/api.git",
        "docker build -t a/b ../..",
        "docker build -t a/b /tmp/x",
        "docker build -t a/b nowhere",
        "docker build -f nowhere/Dockerfile .",
        "docker-compose build api",
        "docker compose build api",
        "$DOCKER_COMPOSE build api",
        "echo docker build api",
        "# docker build api",
        "cat <<EOF\ndocker build api\nEOF",
        "git clone x && cd x && docker build -t a/b .",
        "cd \"$SOMEWHERE\"; docker build -t a/b .",
        "go build ./api",
        "docker run build api",
    ] {
        assert_eq!(said(command), [""; 0], "{command}");
    }
}

#[test]
fn a_dockerfile_may_come_by_standard_input() {
    for (command, expected) in [
        ("docker build -t a/api -f - . < api/Dockerfile", "api/Dockerfile . a/api"),
        ("docker build -t a/api -f- api <api/Dockerfile", "api/Dockerfile api a/api"),
        ("docker build -t a/api - < api/Dockerfile", "api/Dockerfile ? a/api"),
        ("F=api/Dockerfile; docker build -t a/api - < $F", "api/Dockerfile ? a/api"),
        ("cat api/Dockerfile | docker build -t a/api -f - web", "api/Dockerfile web a/api"),
        ("cd api && cat Dockerfile | docker build -t a/api -", "api/Dockerfile ? a/api"),
    ] {
        assert_eq!(said(command), [expected], "{command}");
    }
    for other in [
        "cat api/Dockerfile | sed s/a/b/ | docker build -t a/api -f - .",
        "cat api/Dockerfile web/Dockerfile | docker build -t a/api -f - .",
        "cat api/Dockerfile && docker build -t a/api -f - .",
        "docker build -t a/api -f - . > api/Dockerfile",
        "docker build -t a/api -f - . <<< api/Dockerfile",
    ] {
        assert_eq!(said(other), [""; 0], "{other}");
    }
}

#[test]
fn texts_are_taken_apart() {
    for (script, expected) in [
        ("IFS=: read -r N T <<< api:dev\n", "api/Dockerfile api a/api target=dev"),
        ("P='api;dev;x'\nIFS=';' read -r N T X <<< \"$P\"\n", "api/Dockerfile api a/api target=dev"),
        ("read -r N T <<< ' api  dev '\n", "api/Dockerfile api a/api target=dev"),
        ("IFS=, read -ra L <<< api,dev\nN=${L[0]} T=dev\n", "api/Dockerfile api a/api target=dev"),
        ("for P in api:dev; do IFS=: read N T <<< $P; done\n", "api/Dockerfile api a/api target=dev"),
    ] {
        let script = match script.strip_suffix("; done\n") {
            Some(front) => format!("{front}; docker build --target $T -t a/$N $N; done\n"),
            None => format!("{script}docker build --target $T -t a/$N $N\n"),
        };
        assert_eq!(said(&script), [expected], "{script}");
    }
    for unknown in ["IFS=: read -r N T <<< \"$1\"", "IFS=: read -d x N T <<< api:dev", "read N T < api/list"]
    {
        let script = format!("{unknown}\ndocker build --target $T -t a/$N api\n");
        assert_eq!(said(&script), ["api/Dockerfile api ?"], "{unknown}");
    }
}

#[test]
fn what_stands_in_a_file_is_known() {
    let said = |version: &str, text: &str| {
        let files = [("VERSION", version), ("api/Dockerfile", "FROM a"), ("api/V", "2"), ("b.sh", text)];
        let tree = MemoryTree::new(files).with("GONE", NodeKind::File, Tracking::Ignored, "3");
        let dockerfiles = ["api/Dockerfile".into()];
        let claims = read(&["b.sh".into()], &Door::new(&tree, &dockerfiles, &[])).claims;
        let rests_on = claims[0].rests_on.iter().map(TreePath::to_text).collect::<Vec<_>>();
        (claims[0].args.get("V").map(|said| said.value.clone()), rests_on)
    };
    let build = "docker build --build-arg V=$V -t a/api api";
    for (command, value, file) in [
        ("cat VERSION", Some("1.2"), "VERSION"),
        ("cat ./VERSION 2>/dev/null || echo dev", Some("1.2"), "VERSION"),
        ("< VERSION", Some("1.2"), "VERSION"),
        ("cd api && cat V", Some("2"), "api/V"),
        ("cat VERSION | tr -d 1", None, ""),
        ("cat GONE", None, ""),
        ("cat /etc/passwd", None, ""),
        ("cat ../VERSION", None, ""),
    ] {
        let (said, rests_on) = said("1.2\r\n\n", &format!("V=$({command})\n{build}\n"));
        assert_eq!((said.as_deref(), rests_on.concat().as_str()), (value, file), "{command}");
    }
    let long = "x".repeat(limits::SHELL_VALUE + 1);
    assert_eq!(said(&long, &format!("V=$(cat VERSION)\n{build}\n")).0, None);
}

#[test]
fn variables_are_known_as_far_as_they_are() {
    for (script, expected) in [
        ("NAME=acme/api\ndocker build -t $NAME:${TAG:-1} api", "api/Dockerfile api acme/api:1"),
        ("NAME=${NAME:=acme/api}\ndocker build -t $NAME api", "api/Dockerfile api acme/api"),
        (": \"${NAME:=acme/api}\"; docker build -t \"$NAME\" api", "api/Dockerfile api acme/api"),
        ("export A=acme B='api'; docker build -t \"${A}/$B\" api", "api/Dockerfile api acme/api"),
        ("A=x; if [ $B ]; then A=y; fi; docker build -t acme/$A api", "api/Dockerfile api ?"),
        ("if [ $B ]; then A=y; docker build -t acme/$A api; fi", "api/Dockerfile api acme/y"),
        ("if [ -z \"$A\" ]; then A=y; fi; docker build -t acme/$A api", "api/Dockerfile api acme/y"),
        ("[[ -z $A ]] && A=y\ndocker build -t acme/$A api", "api/Dockerfile api acme/y"),
        (
            "A=$(date); docker build -t acme/api --build-arg D=$A --build-arg E=`x` api",
            "api/Dockerfile api acme/api",
        ),
        (
            "ARGS=(-t acme/api --build-arg A=1)\nARGS+=(api)\ndocker build \"${ARGS[@]}\"",
            "api/Dockerfile api acme/api A=1",
        ),
        (
            "A='--build-arg X=1 --build-arg Y=$Z'\ndocker build $A -t acme/api api",
            "api/Dockerfile api acme/api X=1 Y=$Z",
        ),
        (
            "A=\"--build-arg X=1 --build-arg Y=$Z\"\ndocker build $A -t acme/api api",
            "api/Dockerfile api acme/api X=1",
        ),
        ("V=1.2.3; docker build -t acme/api:${V%.*} api", "api/Dockerfile api acme/api:1.2"),
        ("D=docker/base; docker build -t acme/${D##*/} $D", "docker/base/Dockerfile docker/base acme/base"),
        (
            "docker build -t acme/api \\\n  --build-arg A=1 `# why` \\\n  api",
            "api/Dockerfile api acme/api A=1",
        ),
        (
            "while getopts t: o; do case $o in t) T=$OPTARG;; esac; done; T=${T:-x}; docker build -t a/$T api",
            "api/Dockerfile api a/x",
        ),
        (
            "T=api\nwhile [ $# -gt 0 ]; do case $1 in -t) T=$2; shift;; esac; shift; done\ndocker build -t a/$T api",
            "api/Dockerfile api a/api",
        ),
        ("f() { docker build -t acme/$1 ${2:-$1}; }\nf api", "api/Dockerfile api acme/api"),
        ("retry() { \"$@\" || \"$@\"; }\nretry docker build -t acme/api api", "api/Dockerfile api acme/api"),
        ("unused() {\n docker build -t acme/api:$1 api\n}", "api/Dockerfile api acme/api"),
        ("CMD=\"docker build -t acme/api\"; $CMD api", "api/Dockerfile api acme/api"),
        ("eval \"docker build -t acme/api api\"", "api/Dockerfile api acme/api"),
        ("bash -c 'docker build -t acme/api api'", "api/Dockerfile api acme/api"),
        ("case $X in a) N=a;; *) N=b;; esac; docker build -t acme/$N api", "api/Dockerfile api ?"),
    ] {
        assert_eq!(said(script), [expected], "{script}");
    }
}

#[test]
fn loops_over_what_is_known() {
    assert_eq!(
        said("for x in api web; do docker build -t acme/$x $x; done"),
        ["api/Dockerfile api acme/api", "web/Dockerfile web acme/web"]
    );
    assert_eq!(
        said("ALL=\"api web\"\nfor x in $ALL\ndo\n docker build -t acme/$x $x\ndone"),
        ["api/Dockerfile api acme/api", "web/Dockerfile web acme/web"]
    );
    // What a loop sets may be from an earlier turn.
    assert_eq!(
        said("A=x; while read y; do docker build -t acme/$A api; A=$y; done"),
        ["api/Dockerfile api ?"]
    );
}

#[test]
fn folders_are_followed() {
    for (script, expected) in [
        ("cd api && docker build -t a/api .", "api/Dockerfile api a/api"),
        ("(cd web; docker build -t a/web .); docker build -t a/api api", "web/Dockerfile web a/web"),
        ("pushd api; docker build -t a/api .; popd; docker build -t a/web web", "api/Dockerfile api a/api"),
        ("cd \"$(dirname \"$0\")/..\"; docker build -t a/api api", "api/Dockerfile api a/api"),
        ("cd $(dirname ${BASH_SOURCE[0]})/../api; docker build -t a/api .", "api/Dockerfile api a/api"),
        (
            "HERE=\"$( cd \"$( dirname \"${BASH_SOURCE[0]}\" )\" >/dev/null 2>&1 && pwd )\"\ndocker build -t a/api $HERE/../api",
            "api/Dockerfile api a/api",
        ),
        (
            "ROOT=$(git rev-parse --show-toplevel 2>/dev/null || pwd)\ndocker build -f $ROOT/api/Dockerfile \"${ROOT}\"",
            "api/Dockerfile . ?",
        ),
        ("cd ${0%/*}/..\ndocker build --build-arg R=$PWD -t a/api api", "api/Dockerfile api a/api"),
    ] {
        assert_eq!(said(script)[0], expected, "{script}");
    }
    // Called from the root, or from its own folder where only that leads to something.
    assert_eq!(shown(&claims_of("api/build.sh", "docker build -t a/x .")), ["Dockerfile . a/x"]);
    assert_eq!(
        shown(&claims_of("docker/b.sh", "docker build -t a/x -f Dockerfile.dev .")),
        ["docker/Dockerfile.dev docker a/x"]
    );
    assert_eq!(
        shown(&claims_of("docker/b.sh", "docker build -t a/x base")),
        ["docker/base/Dockerfile docker/base a/x"]
    );
}

#[test]
fn lines_are_those_of_the_commands() {
    let claims = claims_of(
        "b.sh",
        "#!/bin/sh\n\ncat <<-X\n\tfoo\n\tX\nA='\n'\ndocker build \\\n -t a/api api\ndocker build web\n",
    );
    assert_eq!(claims.iter().map(|claim| claim.place.line).collect::<Vec<_>>(), [8, 10]);
}

#[test]
fn bombs_end() {
    let mut doubling = "A=aaaaaaaaaaaaaaaa\n".to_owned();
    doubling.push_str(&"A=$A$A\n".repeat(10_000));
    doubling.push_str("docker build -t $A api");
    let nested =
        |open: &str, close: &str| format!("{}docker build api{}", open.repeat(50_000), close.repeat(50_000));
    let loops = "for a in 1 2 3 4 5 6 7 8 9; do ".repeat(20) + "docker build api;" + &" done;".repeat(20);
    for bomb in [
        doubling,
        nested("(", ")"),
        nested("$(", ")"),
        nested("\"$(", ")\""),
        nested("${a:-", "}"),
        nested("if x; then ", "; fi"),
        nested("{ ", "; }"),
        nested("! ", ""),
        nested("a() ", ""),
        nested("case a in a) ", ";; esac"),
        nested("${a[", ""),
        nested("`", ""),
        nested("<<A\n", ""),
        nested("eval ", ""),
        loops,
        "f() { f; f; docker build api; }; f".to_owned(),
        "f() { f \"$@\" \"$@\"; }; f docker build api".to_owned(),
        "A=(a a a a)\n".to_owned() + &"A+=(\"${A[@]}\")\n".repeat(1_000) + "docker build ${A[@]}",
        "case $X in\n".to_owned()
            + &(0..30_000).map(|at| format!("a) b{at}=1;;\n")).collect::<String>()
            + "esac; docker build api",
        "eval 'eval \"eval $A docker build\"'".to_owned(),
        "A='eval \"$A\" docker build'; eval \"$A\"".to_owned(),
    ] {
        let _ = claims_of("b.sh", &bomb);
    }
}

proptest! {
    #[test]
    fn anything_is_read(text in r#"(docker build |-t |\$|\{|\}|\(|\)|"|'|`|if |then |fi|for |in |do |done|case |esac|;|&&|\|\||<<|>|a|=|\[|@|\]|:-|%|/|\\|
| )*"#) {
        let _ = claims_of("b.sh", &text);
    }

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        let _ = claims_of("b.sh", &format!("docker build {text}"));
    }
}
