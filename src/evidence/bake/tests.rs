use proptest::prelude::*;

use super::*;
use crate::evidence::{Claim, NamedContext};
use crate::git::memory_tree::MemoryTree;

const DOCKERFILES: [&str; 5] =
    ["Dockerfile", "api/Dockerfile", "base/Dockerfile", "deploy/Dockerfile.prod", "web/Dockerfile"];

fn reading(files: &[(&str, &str)]) -> Reading {
    let tree = MemoryTree::new(DOCKERFILES.map(|path| (path, "FROM scratch")));
    let tree = files.iter().fold(tree, |tree, (path, text)| tree.file(path, text));
    let mut paths: Vec<TreePath> = files.iter().map(|(path, _)| TreePath::from(*path)).collect();
    paths.sort();
    read(&paths, &Door::new(&tree, &DOCKERFILES.map(TreePath::from), &[]))
}

/// One line a claim: Dockerfile, context, name, target, arguments, platforms.
fn shown(reading: &Reading) -> Vec<String> {
    let show = |claim: &Claim| {
        let name = claim.name.as_ref().map_or_else(String::new, |name| {
            let tag = name.value.tag.as_ref().map_or_else(String::new, |tag| format!(":{tag}"));
            let rest = if name.value.is_whole { "" } else { "?/" };
            format!(" = {rest}{}{tag}", name.value.repository)
        });
        let context = claim.context.as_ref().expect("bake knows the context").value.to_text();
        let target = claim.target.as_ref().map_or_else(String::new, |target| format!(" #{}", target.value));
        let args = claim.args.iter().map(|(name, value)| format!(" {name}={}", value.value));
        let platforms = claim.platforms.iter().map(|platform| format!(" {}", platform.value));
        let rest: String = args.chain(platforms).collect();
        format!(
            "{} in {}{name}{target}{rest}",
            claim.dockerfile,
            if context.is_empty() { "." } else { &context }
        )
    };
    reading.claims.iter().map(show).collect()
}

fn claims(hcl: &str) -> Vec<String> {
    let reading = reading(&[("docker-bake.hcl", hcl)]);
    assert_eq!(reading.notes, []);
    shown(&reading)
}

/// What an expression gives as an argument.
fn value(expression: &str) -> Option<String> {
    let hcl = format!("variable \"V\" {{}}\ntarget \"x\" {{\n args = {{ A = {expression} }}\n}}\n");
    let reading = reading(&[("docker-bake.hcl", &hcl)]);
    assert_eq!(reading.notes, [], "{expression}");
    reading.claims[0].args.get("A").map(|arg| arg.value.clone())
}

#[test]
fn targets_say_what_they_build() {
    let hcl = r#"
variable "REGISTRY" { default = "ghcr.io/acme" }
variable "TAG" {}
variable "GO" { default = null }
group "default" { targets = ["api", "prod"] }
target "api" {
  context = "./api"
  target = "release"
  args = {
    MODE = "fast"
    EMPTY = ""
    GO = GO
    N = 3
    NONE = null
  }
  tags = ["", "${REGISTRY}/api:${TAG}", "other"]
  platforms = ["linux/amd64", "linux/arm64", "${TAG}"]
}
target "prod" {
  dockerfile = "deploy/Dockerfile.prod"
  tags = ["${TAG}/prod:1"]
}
target "gone" { dockerfile = "Dockerfile.gone" }
target "remote" { context = "https://github.com/acme/api.git" }
target "inline" { dockerfile-inline = "FROM scratch" }
target "out" { context = "../other" }
"#;
    assert_eq!(
        claims(hcl),
        [
            "api/Dockerfile in api = ghcr.io/acme/api #release EMPTY= MODE=fast N=3 linux/amd64 linux/arm64",
            "deploy/Dockerfile.prod in . = ?/prod:1",
        ]
    );
    let reading = reading(&[("docker-bake.hcl", hcl)]);
    let api = &reading.claims[0];
    let line = |place: &super::super::Place| place.line;
    assert_eq!(line(&api.place), 6);
    assert_eq!(api.context.as_ref().map(|said| line(&said.place)), Some(7));
    assert_eq!(api.target.as_ref().map(|said| line(&said.place)), Some(8));
    assert_eq!(line(&api.args["EMPTY"].place), 11);
    assert_eq!(api.name.as_ref().map(|said| line(&said.place)), Some(16));
    assert_eq!(line(&api.platforms[0].place), 17);
    // The file's own folder is the context that is not said.
    assert_eq!(reading.claims[1].context.as_ref().map(|said| line(&said.place)), Some(19));
}

#[test]
fn what_is_inherited_is_under_what_is_said() {
    let hcl = r#"
target "_common" {
  args = { A = "1", B = "1" }
  platforms = ["linux/amd64"]
}
target "second" { args = { B = "2", C = "2" } }
target "api" {
  inherits = ["_common", "second", "not-here"]
  context = "api"
  args = { C = "3" }
  tags = ["acme/api"]
}
target "debug" {
  inherits = ["api"]
  target = "debug"
  tags = ["acme/api-debug"]
}
"#;
    assert_eq!(
        claims(hcl),
        [
            "api/Dockerfile in api = acme/api A=1 B=2 C=3 linux/amd64",
            "api/Dockerfile in api = acme/api-debug #debug A=1 B=2 C=3 linux/amd64",
        ]
    );
    let cycle = reading(&[(
        "docker-bake.hcl",
        "target \"a\" {\n inherits = [\"b\"]\n tags = [\"a\"]\n context = \".\"\n}\ntarget \"b\" {\n inherits = [\"a\"]\n tags = [\"b\"]\n context = \".\"\n}",
    )]);
    assert_eq!(cycle.notes.len(), 1);
    assert_eq!(shown(&cycle), ["Dockerfile in . = a", "Dockerfile in . = b"]);
}

#[test]
fn a_matrix_is_many_targets() {
    let hcl = r#"
group "default" { targets = ["app"] }
target "app" {
  name = "app-${replace(v.tag, ".", "-")}-${kind}"
  matrix = {
    v = [{ tag = "1.0", go = "1.22" }, { tag = "2.0", go = "1.23" }]
    kind = ["slim", "full"]
  }
  args = { GO = v.go }
  target = kind
  tags = ["acme/app:${v.tag}-${kind}"]
}
target "web" {
  context = "web"
  contexts = { app = "target:app-2-0-slim" }
}
"#;
    assert_eq!(
        claims(hcl),
        [
            "Dockerfile in . = acme/app:1.0-slim #slim GO=1.22",
            "Dockerfile in . = acme/app:2.0-slim #slim GO=1.23",
            "Dockerfile in . = acme/app:1.0-full #full GO=1.22",
            "Dockerfile in . = acme/app:2.0-full #full GO=1.23",
            "web/Dockerfile in web",
        ]
    );
    let web = reading(&[("docker-bake.hcl", hcl)]).claims.pop().expect("five");
    let expected = NamedContext::Image("acme/app:2.0-slim".parse().expect("a reference"));
    assert_eq!(web.contexts["app"].value, expected);
}

#[test]
fn contexts_with_names() {
    let hcl = r#"
target "base" { context = "base" }
target "api" {
  context = "api"
  contexts = {
    base = "target:base"
    none = "target:none"
    alpine = "docker-image://alpine:3.20"
    web = "./web"
    src = "https://example.com/src.tar.gz"
    out = "../.."
    unknown = "docker-image://alpine:${WHAT}"
  }
}
"#;
    let reading = reading(&[("docker-bake.hcl", hcl)]);
    let contexts = &reading.claims[1].contexts;
    let elsewhere = |text: &str| NamedContext::Elsewhere(text.to_owned());
    assert_eq!(contexts["base"].value, NamedContext::Claimed { claim: reading.claims[0].place.clone() });
    assert_eq!(contexts["base"].place.line, 6);
    assert_eq!(contexts["none"].value, elsewhere("target:none"));
    assert_eq!(contexts["alpine"].value, NamedContext::Image("alpine:3.20".parse().expect("a reference")));
    assert_eq!(contexts["web"].value, NamedContext::Folder("web".into()));
    assert_eq!(contexts["src"].value, elsewhere("https://example.com/src.tar.gz"));
    assert_eq!(contexts["out"].value, elsewhere("../.."));
    assert!(!contexts.contains_key("unknown"));
}

#[test]
fn expressions() {
    for (expression, expected) in [
        (r#""a${V}b""#, None),
        (r#"V"#, None),
        (r#"true ? "a" : V"#, Some("a")),
        (r#"V != "" ? "a" : "a""#, Some("a")),
        (r#"V != "" ? "a" : "b""#, None),
        (r#"1 + 2 * 3"#, Some("7")),
        (r#"10 / 4"#, Some("2.5")),
        (r#"!(1 > 2) && "a" == "a""#, Some("true")),
        (r#"false && V"#, Some("false")),
        (r#"or(true, V)"#, Some("true")),
        (r#"join("-", [for x in ["a", "b", "c"] : upper(x) if x != "b"])"#, Some("A-C")),
        (r#"join(",", [for k, v in { a = 1, b = 2 } : "${k}${v}"])"#, Some("a1,b2")),
        (r#"{ for x in ["a"] : x => 1 }["a"]"#, Some("1")),
        (r#"["a", "b"][1]"#, Some("b")),
        (r#"join("", [{ n = "a" }, { n = "b" }][*].n)"#, Some("ab")),
        (r#""%{if true}x%{else}y%{endif}""#, Some("x")),
        (r#""a %{~ if false ~} x %{~ else ~} y %{~ endif ~} b""#, Some("ayb")),
        (r#""%{for x in [1, 2]}<${x}>%{endfor}""#, Some("<1><2>")),
        (r#"replace("a.b.c", ".", "-")"#, Some("a-b-c")),
        (r#"lower("ABC")"#, Some("abc")),
        (r#"format("%s-%d%%", "a", 3)"#, Some("a-3%")),
        (r#"split(".", "1.2.3")[0]"#, Some("1")),
        (r#"join(",", concat(["a"], ["b"]))"#, Some("a,b")),
        (r#"coalesce(null, "a")"#, Some("a")),
        (r#"trimprefix("v1", "v")"#, Some("1")),
        (r#"trimsuffix("a.git", ".git")"#, Some("a")),
        (r#"regex_replace("feature/X y", "[^a-z]+", "-")"#, Some("feature-y")),
        (r#"regex_replace("v1.2", "v([0-9]+)\\..*", "$1")"#, Some("1")),
        (r#"join(",", distinct(["a", "b", "a"]))"#, Some("a,b")),
        (r#"lookup({ a = 1 }, "b", 2)"#, Some("2")),
        (r#"merge({ a = 1 }, { a = 2 }).a"#, Some("2")),
        (r#"length(["a", "b"])"#, Some("2")),
        (r#"contains(["a", "b"], "b")"#, Some("true")),
        (r#"equal("", V)"#, None),
        (
            r#"join(" ", [for t in setproduct(["a", "b"], ["1", "2"]) : join("/", t)])"#,
            Some("a/1 a/2 b/1 b/2"),
        ),
        (r#"timestamp()"#, None),
        (r#"sha256("a")"#, None),
        (r#"element(["a", "b"], 3)"#, Some("b")),
        (r#"element([], 3)"#, None),
        ("<<EOT\nx\nEOT\n", Some("x\n")),
        (r#""$${A}""#, Some("${A}")),
    ] {
        assert_eq!(value(expression).as_deref(), expected, "{expression}");
    }
}

#[test]
fn functions_and_variables_of_the_file() {
    let hcl = r#"
function "tag" {
  params = [name]
  variadic_params = rest
  result = ["${PREFIX}/${name}:${join("-", rest)}"]
}
variable "PREFIX" { default = "${HOST}/acme" }
variable "HOST" { default = "ghcr.io" }
variable "A" { default = B }
variable "B" { default = A }
own = "deploy"
target "api" {
  dockerfile = "${own}/Dockerfile.prod"
  tags = tag("api", "1", "x")
  args = { A = A }
}
"#;
    assert_eq!(claims(hcl), ["deploy/Dockerfile.prod in . = ghcr.io/acme/api:1-x"]);
}

#[test]
fn a_choice_that_is_not_known_still_names_what_both_begin_with() {
    let hcl = r#"target "a" {
  tags = [V != "" ? "acme/api:${V}" : "acme/api:latest"]
}"#;
    assert_eq!(claims(hcl), ["Dockerfile in . = acme/api"]);
}

#[test]
fn the_files_of_a_folder_are_one() {
    let files = [
        ("docker-bake.hcl", "variable \"T\" { default = \"2\" }\ntarget \"api\" { context = \"api\" }\n"),
        (
            "docker-bake.json",
            r#"{"variable": {"T": {"default": "1"}}, "target": {"api": {"context": "web", "tags": ["acme/api:${T}"]}}}"#,
        ),
        ("docker-bake.override.hcl", "target \"api\" {\n  target = \"dev\"\n}\n"),
        (
            "docker-bake.ci.hcl",
            "target \"api\" {\n  tags = [\"acme/other\"]\n}\ntarget \"web\" {\n  context = \"web\"\n}\n",
        ),
    ];
    assert_eq!(shown(&reading(&files)), ["api/Dockerfile in api = acme/api:2 #dev", "web/Dockerfile in web"]);
}

#[test]
fn json_has_lines_too() {
    let json = "\n{\n  \"group\": {\"default\": {\"targets\": [\"api\"]}},\n  \"target\": {\n    \"api\": {\n      \"context\": \"api\",\n      \"args\": {\"A\": \"1\"}\n    }\n  }\n}\n";
    let reading = reading(&[("docker-bake.json", json)]);
    assert_eq!(shown(&reading), ["api/Dockerfile in api A=1"]);
    assert_eq!(reading.claims[0].place.line, 5);
    assert_eq!(reading.claims[0].args["A"].place.line, 7);
}

#[test]
fn bake_may_run_in_a_folder_around_the_file() {
    let root = "target \"api\" { context = \"api\" }\ntarget \"web\" { context = \"web\" }\n";
    let expected = ["api/Dockerfile in api", "web/Dockerfile in web"];
    assert_eq!(shown(&reading(&[("deploy/ci/images.hcl", root)])), expected);
    let near = "target \"prod\" { dockerfile = \"Dockerfile.prod\" }\n";
    assert_eq!(shown(&reading(&[("deploy/docker-bake.hcl", near)])), ["deploy/Dockerfile.prod in deploy"]);
}

#[test]
fn targets_that_make_no_image_are_none() {
    let hcl = r#"
target "lint" { output = ["type=cacheonly"] }
target "binaries" {
  tags = ["acme/binaries"]
  output = ["./bin"]
}
target "docker-metadata-action" { tags = ["acme/meta:local"] }
target "parent" {
  inherits = ["docker-metadata-action"]
  context = "api"
  tags = []
}
target "child" {
  inherits = ["parent"]
  output = ["type=image,name=acme/child,push=true"]
}
"#;
    assert_eq!(claims(hcl), ["api/Dockerfile in api = acme/child"]);
}

#[test]
fn other_hcl_says_nothing() {
    for text in [
        "resource \"aws_x\" \"y\" {\n  target = \"z\"\n}\n",
        "job \"x\" {\n  group \"y\" {\n    count = 1\n  }\n}\n",
        "this is { no hcl target",
        "path \"secret/*\" {\n  capabilities = [\"read\"]\n}\n# group\n",
    ] {
        assert_eq!(reading(&[("infra/main.hcl", text)]), Reading::default(), "{text}");
    }
    let broken =
        reading(&[("docker-bake.hcl", "target \"x\" {\n  tags = [\n"), ("x.hcl", "target \"y\" {\n")]);
    assert_eq!((broken.claims.len(), broken.notes.len()), (0, 2));
    let place = broken.notes[0].location.clone().expect("a place");
    assert_eq!((place.path, place.line.is_some()), ("docker-bake.hcl".into(), true));
}

#[test]
fn nothing_explodes() {
    let target = |rest: &str| format!("target \"x\" {{\n  args = {{ A = Z }}\n}}\n{rest}");
    let chain = |first: &str, next: fn(usize) -> String| {
        let variables = (1..200).map(|at| format!("variable \"V{at}\" {{ default = {} }}\n", next(at - 1)));
        let all: String = variables.collect();
        target(&format!(
            "variable \"V0\" {{ default = {first} }}\n{all}variable \"Z\" {{ default = V199 }}\n"
        ))
    };
    let attributes: String = (0..9_000).map(|at| format!("a{at}=1\n")).collect();
    let inherits: String = (1..2_000)
        .map(|at| {
            format!("target \"t{at}\" {{\n inherits = [\"t{}\"]\n args = {{ A{at} = 1 }}\n}}\n", at - 1)
        })
        .collect();
    let backwards: String =
        (0..4_000).map(|at| format!("target \"t{at}\" {{\n inherits = [\"t{}\"]\n}}\n", at + 1)).collect();
    let hundred = (0..100).map(|at| at.to_string()).collect::<Vec<_>>().join(",");
    let bombs = [
        target(&format!(
            "variable \"L\" {{ default = [{hundred}] }}\nvariable \"Z\" {{ default = setproduct(L, L, L, L, L, []) }}\n"
        )),
        target(&format!(
            "variable \"L\" {{ default = [{hundred}] }}\nvariable \"Z\" {{ default = setproduct(L, L, L, L, L) }}\n"
        )),
        chain("\"0123456789\"", |at| format!("\"${{V{at}}}${{V{at}}}\"")),
        chain("[1]", |at| format!("[V{at}, V{at}]")),
        chain("[1]", |at| format!("concat(V{at}, V{at})")),
        chain("{ a = 1 }", |at| format!("{{ a = V{at}, b = V{at} }}")),
        target(
            "function \"f\" {\n  params = [x]\n  result = \"${f(x)}${f(x)}\"\n}\nvariable \"Z\" { default = f(1) }\n",
        ),
        target(&format!("variable \"Z\" {{ default = {}1{} }}\n", "(".repeat(200_000), ")".repeat(200_000))),
        target(&format!("variable \"Z\" {{ default = {}1{} }}\n", "[".repeat(200_000), "]".repeat(200_000))),
        target(&format!("variable \"Z\" {{ default = {}1{} }}\n", "{({".repeat(60), "}) = 1}".repeat(60))),
        target(&format!("variable \"Z\" {{ default = {}1{} }}\n", "\"${".repeat(60), "}\"".repeat(60))),
        target(&format!("variable \"Z\" {{ default = {}1 }}\n", "1 + ".repeat(100_000))),
        target(&format!("variable \"Z\" {{ default = {}1 }}\n", "!".repeat(100_000))),
        target(&format!("variable \"Z\" {{ default = {}1 }}\n", "true ? 1 : ".repeat(50_000))),
        target(&"a {\n".repeat(100_000)),
        target(&format!(
            "variable \"Z\" {{ default = [for a in [{hundred}] : [for b in [{hundred}] : [for c in [{hundred}] : [for d in [{hundred}] : a]]]] }}\n"
        )),
        target(
            "variable \"Z\" { default = regex_replace(\"aaaaaaaaaaaaaaaaaaaaaa\", \"(((a{500}){500}){500})*b\", \"\") }\n",
        ),
        format!("target \"x\" {{\n  matrix = {{ a = [{hundred}], b = [{hundred}] }}\n}}\n"),
        format!(
            "target \"x\" {{\n  matrix = {{ {} }}\n}}\n",
            (0..9_000).map(|at| format!("a{at} = [1]")).collect::<Vec<_>>().join(", ")
        ),
        target(&format!("variable \"Z\" {{ default = {{\n{attributes}\n}} }}\n")),
        target(&format!("variable \"Z\" {{\ndefault = {{\n{attributes}\n}}\n}}\n")),
        format!("target \"t0\" {{ tags = [\"a\"] }}\n{inherits}"),
        backwards,
    ];
    for (at, bomb) in bombs.iter().enumerate() {
        let reading = reading(&[("docker-bake.hcl", bomb)]);
        let args: usize = reading.claims.iter().map(|claim| claim.args.len()).sum();
        assert!(args <= crate::limits::BAKE_STEPS, "bomb {at}");
        assert!(reading.notes.len() <= 1, "bomb {at}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_to_its_end(text in "\\PC{0,200}") {
        reading(&[("docker-bake.hcl", &text), ("docker-bake.json", &text)]);
    }

    #[test]
    fn any_words_of_the_language_are_read_to_their_end(
        words in prop::collection::vec(prop::sample::select(vec![
            "target \"a\" {\n", "}\n", "tags = [", "]", "\"${", "}\"", "V", "{", "}", "=", "matrix = {", "for x in ",
            ": ", "x", "=>", "join(", ")", ",", "\n", "variable \"V\" {\n", "default = ", "1", "?", "[*]", ".a", "...",
            "%{if ", "%{endif}", "inherits = [\"a\"]\n", "function \"f\" {\n", "params = [x]\n", "result = f(x)\n",
            "<<E\n", "\nE\n", "-", "!", "null", "name = ",
        ]), 0..60)
    ) {
        let text = words.concat();
        reading(&[("docker-bake.hcl", &text), ("docker-bake.json", &text)]);
    }
}
