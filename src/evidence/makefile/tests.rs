use proptest::prelude::*;

use super::*;
use crate::evidence::shell::tests::shown;
use crate::git::memory_tree::MemoryTree;

const DOCKERFILES: [&str; 5] =
    ["Dockerfile", "api/Dockerfile", "build/Dockerfile.dev", "docker/base/Dockerfile", "web/Dockerfile"];

fn read_all(files: &[(&str, &str)]) -> Vec<Claim> {
    let tree = DOCKERFILES.iter().fold(MemoryTree::default(), |tree, file| tree.file(file, "FROM a"));
    let tree = files.iter().fold(tree, |tree, (path, text)| tree.file(path, text));
    let dockerfiles: Vec<TreePath> = DOCKERFILES.iter().map(|path| (*path).into()).collect();
    let mut paths: Vec<TreePath> = files.iter().map(|(path, _)| (*path).into()).collect();
    paths.sort();
    let reading = read(&paths, &Door::new(&tree, &dockerfiles, &[]));
    assert_eq!(reading.notes, []);
    reading.claims
}

fn said(text: &str) -> Vec<String> {
    shown(&read_all(&[("Makefile", text)]))
}

#[test]
fn variables_and_functions() {
    for (text, expected) in [
        ("a:\n\tdocker build -t acme/api:1 api\n", "api/Dockerfile api acme/api:1"),
        ("N = $(R)/api\nR := acme\na:\n\t@docker build -t $(N):${TAG} api", "api/Dockerfile api acme/api"),
        ("N ?= acme/api\nN ?= other\na: ; docker build -t $(N) api", "api/Dockerfile api acme/api"),
        (
            "A := --build-arg X=1\nA += --build-arg Y=2\na:\n\tdocker build $(A) $(MORE) -t acme/api api",
            "api/Dockerfile api acme/api X=1 Y=2",
        ),
        (
            "DOCKER ?= $(shell which podman)\na:\n\t-$(DOCKER) build \\\n\t  -t acme/api \\\n\t  api",
            "api/Dockerfile api acme/api",
        ),
        ("a:\n\t$(CONTAINER_TOOL) build -t acme/api api", "api/Dockerfile api acme/api"),
        (
            "V := $(shell git describe)\na:\n\tdocker build --build-arg V=$(V) -t acme/api:$(V) api",
            "api/Dockerfile api acme/api",
        ),
        (
            "D := $(shell dirname api/x)\nV = $(shell cat build/Dockerfile.dev)\na:\n\tdocker build --build-arg \"V=$(V)\" -t acme/api $(D)",
            "api/Dockerfile api acme/api V=FROM a",
        ),
        ("a:\n\tcd api && docker build -t acme/api .", "api/Dockerfile api acme/api"),
        ("a:\n\tcd api\n\tdocker build -t acme/root .", "Dockerfile . acme/root"),
        ("a:\n\tX=api; docker build -t acme/$$X $$X", "api/Dockerfile api acme/api"),
        (
            "build-api:\n\tdocker build -t acme/$(@:build-%=%) $(subst build-,,$@)",
            "api/Dockerfile api acme/api",
        ),
        (
            "define b\ndocker build -t acme/$(1) $(2)\nendef\na:\n\t$(call b,api,api)",
            "api/Dockerfile api acme/api",
        ),
        (
            "build/%: V ?= 3\nbuild/a%: V = 4\nbuild/%:\n\tdocker build --build-arg V=$(V) -t acme/$* $*\nall: build/api",
            "api/Dockerfile api acme/api V=4",
        ),
        (
            "build/%: V ?= 3\nbuild/%:\n\tdocker build --build-arg V=\"$(V)\" -t \"acme/$(notdir $@)\" \"./$(notdir $@)\"\nall: build/api",
            "api/Dockerfile api acme/api V=3",
        ),
        ("a: T = dev\na:\n\tdocker build --target $(T) api", "api/Dockerfile api ? target=dev"),
        (
            "ifdef CI\nN = ci\nelse\nN = acme/api\nendif\na:\n\tdocker build -t $(N) api",
            "api/Dockerfile api acme/api",
        ),
        (
            "ifeq ($(shell uname),Linux)\nN = x/a\nelse\nN = x/b\nendif\na:\n\tdocker build -t $(N) api",
            "api/Dockerfile api ?",
        ),
        (
            "D := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))\na:\n\tdocker build -t x/y $(D)api",
            "api/Dockerfile api x/y",
        ),
        (
            "a:\n\tdocker build -f $(CURDIR)/build/Dockerfile.dev -t x/y $(shell pwd)",
            "build/Dockerfile.dev . x/y",
        ),
        (
            "all: build\nimage: IMAGE = acme/api\nimage: build\nbuild:\n\tdocker build -t $(IMAGE) api",
            "api/Dockerfile api acme/api",
        ),
    ] {
        assert_eq!(said(text), [expected], "{text}");
    }
}

#[test]
fn patterns_and_lists() {
    let both = ["api/Dockerfile api acme/api", "web/Dockerfile web acme/web"];
    for text in [
        "build/%:\n\tdocker build -t acme/$(notdir $@) $*\nall: build/api build/web",
        "I := api web\n$(addprefix b-,$(I)): b-%: %/Dockerfile\n\tdocker build -t acme/$* $*",
        "I := api web\nall: $(foreach i,$(I),b-$(i))\nb-%:\n\tdocker build -t acme/$* $*",
        "I := api web\na:\n\t$(foreach i,$(I),docker build -t acme/$(i) $(i);)",
        "I := api web\na:\n\tfor i in $(I); do docker build -t acme/$$i $$i; done",
        "define T\nb-$(1):\n\tdocker build -t acme/$(1) $(1)\nendef\n$(foreach i,api web,$(eval $(call T,$(i))))",
        "api web:\n\tdocker build -t acme/$@ ./$@",
        "F = $(wildcard */Dockerfile)\na: $(F:%/Dockerfile=b-%)\nb-%:\n\tdocker build -t acme/$* $*",
    ] {
        assert_eq!(said(text), both, "{text}");
    }
    // Nobody names the stems: those that lead to a Dockerfile.
    assert_eq!(
        said("b-%:\n\tdocker build -t acme/$* docker/$*"),
        ["docker/base/Dockerfile docker/base acme/base"]
    );
    // The Dockerfile does not depend on the stem.
    assert_eq!(said("b-%:\n\tdocker build -t acme/x:$* api"), ["api/Dockerfile api acme/x"]);
}

#[test]
fn included_files_are_parts() {
    let files = [
        ("Makefile", "include mk/vars.mk\n-include mk/none.mk ../x.mk\na:\n\tdocker build -t $(N)/api api"),
        ("mk/vars.mk", "N = acme\nb:\n\tdocker build -t $(N)/web web"),
        ("api/Makefile", "include ../Makefile\nx:\n\tdocker build -t acme/own ."),
    ];
    let claims = read_all(&files);
    assert_eq!(
        shown(&claims),
        ["api/Dockerfile api acme/api", "api/Dockerfile api acme/own", "web/Dockerfile web acme/web"]
    );
    let places: Vec<String> =
        claims.iter().map(|claim| format!("{}:{}", claim.place.path, claim.place.line)).collect();
    assert_eq!(places, ["Makefile:4", "api/Makefile:3", "mk/vars.mk:3"]);
}

#[test]
fn bombs_end() {
    let tail = "\na:\n\tdocker build -t $(A) $(B) api\n";
    let mut doubling = "A0 = aaaaaaaa\n".to_owned();
    for index in 0..1_000 {
        doubling.push_str(&format!("A{} = $(A{index})$(A{index})\n", index + 1));
    }
    for bomb in [
        doubling.clone() + "A = $(A1000)",
        doubling.clone() + "A := $(A20)",
        "A = $(A)".to_owned(),
        "A = $(B) $(B)\nB = $(A) $(A)".to_owned(),
        "A = $(call A,$(1)$(1),$(call A))".to_owned(),
        "include Makefile".to_owned(),
        "A = $(eval $(A))$(eval $(A))\n$(A)".to_owned(),
        "define T\n$$(eval $$(call T))\n$$(eval $$(call T))\nendef\n$(eval $(call T))".to_owned(),
        format!("A = {}", "$(".repeat(50_000)),
        format!("A = {}x{}", "$(".repeat(50_000), ")".repeat(50_000)),
        format!("A = {}x{}", "$(subst a,b,".repeat(20_000), ")".repeat(20_000)),
        "L = ".to_owned()
            + &"a ".repeat(10_000)
            + "\nA = $(foreach a,$(L),$(foreach b,$(L),$(foreach c,$(L),x)))",
        "ifdef A\n".repeat(50_000),
        "L = ".to_owned() + &"a%d ".repeat(1_000) + "\n$(L): $(L)\n\tdocker build $@",
        "A += a\n".repeat(50_000),
        "B = 1\n".to_owned() + &"ifdef B\n".repeat(100_000),
        "a:\n".to_owned() + &"ifdef A\nendif\n\tx\n".repeat(40_000),
        (0..10_000).map(|at| format!("t{at}: V = {at}\nt{at}: t{}\n\tdocker build $V\n", at + 1)).collect(),
        (0..5_000).map(|at| format!("t{at}-%: a{at}\n\tdocker build $*\n")).collect(),
    ] {
        let _ = said(&(bomb + tail));
    }
}

proptest! {
    #[test]
    fn anything_is_read(text in r"(docker build |-t |\$|\(|\)|\{|\}|%|:|=|:=|\?=|\+=|define |endef|ifeq |else|endif|include |a|b|,|call |eval |foreach |\\|#|
|	)*") {
        let _ = said(&text);
    }
}

#[test]
fn what_the_file_sets_for_some_targets_is_nothing_for_the_others() {
    let text = "build/api: ROOT=api\nbuild/%:\n\tdocker build -f $*/Dockerfile -t acme/$* ./$(ROOT)\n\
                all: build/api build/web\n";
    assert_eq!(said(text), ["api/Dockerfile api acme/api", "web/Dockerfile . acme/web"]);
    // What it sets for none may be given by whoever calls it.
    assert_eq!(
        said("all:\n\tdocker build -f web/Dockerfile -t acme/web ./$(ROOT)\n"),
        ["web/Dockerfile ? acme/web"]
    );
}
