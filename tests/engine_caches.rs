//! Build caches in registries, and attestations: on an engine whose store can hold them, and on one whose store cannot.

mod containerd;
mod support;

use containerd::Containerd;
use serde_json::Value;
use support::{Checkout, Engine, image, text};

/// Two images, one of them with a stage of which nothing but a file is left.
fn checkout(registry: &str) -> Checkout {
    Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nRUN echo base > /base\n"),
        (
            "app/Dockerfile",
            "FROM acme/base AS build\nCOPY a /a\nRUN cat /a /base > /built\nFROM acme/base\nCOPY --from=build /built /\nRUN echo last > /last\n",
        ),
        ("app/a", "1\n"),
        ("shipwright.toml", &format!("registry = \"{registry}\"\n")),
    ])
}

/// The RUN steps that were carried out, and those whose result was there: `RUN …`.
fn runs(events: &[Value]) -> (Vec<String>, Vec<String>) {
    let mut steps: std::collections::BTreeMap<String, bool> = std::collections::BTreeMap::new();
    for event in events.iter().filter(|event| event["event"] == "build-progress") {
        let name = text(&event["name"]);
        if let Some((_, run)) = name.split_once("] RUN ") {
            *steps.entry(run.to_owned()).or_default() |= event["cached"] == true;
        }
    }
    let of = |cached: bool| {
        steps.iter().filter(|(_, is_cached)| **is_cached == cached).map(|(name, _)| name.clone()).collect()
    };
    (of(false), of(true))
}

fn notices(events: &[Value]) -> String {
    events
        .iter()
        .filter(|event| event["event"] == "notice")
        .map(|event| text(&event["text"]) + "\n")
        .collect()
}

#[test]
fn an_engine_that_knows_nothing_reads_what_another_wrote() {
    let Some(engine) = Containerd::start() else { return };
    let checkout = checkout(&engine.registry);
    let place = format!("type=registry,ref={}/cache:{{image}}-{{branch}}-{{platform}}", engine.registry);
    let to = format!("{place},mode=max");
    let (run, events) = engine.build(&checkout, &["--cache-to", &to]);
    run.exits(0);
    assert_eq!(runs(&events).0.len(), 3, "{events:#?}");
    assert_eq!(notices(&events), "");
    for image in ["base", "app"] {
        assert!(engine.manifest("cache", &format!("{image}-main-linux-amd64")).is_some(), "{image}");
    }

    engine.forget();
    let (run, events) = engine.build(&checkout, &[]);
    run.exits(0);
    assert_eq!(runs(&events).0.len(), 3, "without a cache everything runs");

    engine.forget();
    let (run, events) = engine.build(&checkout, &["--cache-from", &place]);
    run.exits(0);
    let (ran, cached) = runs(&events);
    assert_eq!((ran.len(), cached.len()), (0, 3), "{ran:?} {cached:?}");
    assert_eq!(
        engine.docker(&["run", "--rm", "--network", "none", "acme/app:main", "cat", "/built", "/last"]),
        "1\nbase\nlast"
    );

    // Another branch reads its own, which there is none of, then the default branch's.
    engine.forget();
    checkout.git(&["switch", "--quiet", "--create", "feature/x"]);
    checkout.write("app/a", "2\n");
    let (run, events) = engine.build(&checkout, &["--cache-from", &place, "--cache-to", &to]);
    run.exits(0);
    let (ran, cached) = runs(&events);
    assert_eq!(ran, ["cat /a /base > /built", "echo last > /last"], "{cached:?}");
    assert_eq!(cached, ["echo base > /base"]);
    assert!(engine.manifest("cache", "app-feature-x-linux-amd64").is_some());

    // The settings derive the references: beside the image.
    engine.forget();
    checkout.write("shipwright.toml", format!("registry = \"{}\"\ncache = \"registry\"\n", engine.registry));
    let (run, _) = engine.build(&checkout, &["--cache-to", "mode=max"]);
    run.exits(0);
    assert!(engine.manifest("acme/app", "buildcache-feature-x-linux-amd64").is_some());
    // They are no images, which nothing else that reads the repository takes them for.
    engine.run(&checkout, &["push", "--dirty"]).exits(0);
    let pruned = engine.run(&checkout, &["prune", "--registry", "--dry-run"]).exits(0);
    assert!(!pruned.stdout.contains("buildcache"), "{pruned:?}");
    engine.forget();
    let (run, events) = engine.build(&checkout, &[]);
    run.exits(0);
    assert_eq!(runs(&events).0, Vec::<String>::new());
    // An image may have its own, or none.
    engine.forget();
    let settings =
        format!("registry = \"{}\"\ncache = \"registry\"\n[image.app]\ncache = false\n", engine.registry);
    checkout.write("shipwright.toml", settings);
    let (run, events) = engine.build(&checkout, &[]);
    run.exits(0);
    let (ran, cached) = runs(&events);
    assert_eq!((ran.len(), cached), (2, vec!["echo base > /base".to_owned()]), "{ran:?}");
}

#[test]
fn a_cache_that_cannot_be_written_fails_no_build() {
    let Some(engine) = Containerd::start() else { return };
    let checkout = checkout(&engine.registry);
    let to = "type=registry,ref=127.0.0.1:1/cache:{image},mode=max";
    let (run, events) =
        engine.build(&checkout, &["--cache-to", to, "--cache-from", "127.0.0.1:1/cache:{image}"]);
    run.exits(0);
    let said = notices(&events);
    assert!(said.contains("exporting cache") && said.contains("127.0.0.1:1"), "{said}");
    assert_eq!(engine.docker(&["run", "--rm", "--network", "none", "acme/app:main", "cat", "/last"]), "last");
}

#[test]
fn attestations_are_kept_byte_for_byte() {
    let Some(engine) = Containerd::start() else { return };
    let checkout = checkout(&engine.registry);
    engine.run(&checkout, &["push", "--provenance=max"]).exits(0);
    let plan = engine.run(&checkout, &["plan", "--format", "json"]).exits(0).json();
    let key = text(&image(&plan, "app")["reference"]).rsplit(':').next().expect("a tag").to_owned();
    let by_key = engine.manifest("acme/app", &key).expect("it was pushed");
    let index: Value = serde_json::from_slice(&by_key).expect("JSON");
    let kinds: Vec<String> = index["manifests"]
        .as_array()
        .expect("an index")
        .iter()
        .map(|manifest| text(&manifest["annotations"]["vnd.docker.reference.type"]))
        .collect();
    assert_eq!(kinds, ["", "attestation-manifest"], "{index:#}");
    let attestation = text(&index["manifests"][1]["digest"]);
    assert!(engine.manifest("acme/app", &attestation).is_some(), "it came along");
    assert_eq!(engine.manifest("acme/app", "main").as_ref(), Some(&by_key));
    // A branch's tag is made on the engine and in the registry without building, from what is there.
    checkout.git(&["switch", "--quiet", "--create", "other"]);
    let (run, events) = engine.build(&checkout, &[]);
    run.exits(0);
    assert_eq!(runs(&events), (Vec::new(), Vec::new()), "nothing is built");
    engine.run(&checkout, &["push"]).exits(0);
    assert_eq!(engine.manifest("acme/app", "other").as_ref(), Some(&by_key));
    let digest =
        |tag: &str| engine.docker(&["image", "inspect", "--format", "{{.Id}}", &format!("acme/app:{tag}")]);
    assert_eq!(digest("other"), digest(&key));
    // Off unless asked.
    engine.forget();
    checkout.write("app/a", "3\n");
    checkout.commit("three");
    engine.run(&checkout, &["push"]).exits(0);
    let plain: Value =
        serde_json::from_slice(&engine.manifest("acme/app", "other").expect("pushed")).expect("JSON");
    let attested = plain["manifests"].as_array().into_iter().flatten();
    assert_eq!(
        attested.filter(|it| it["annotations"]["vnd.docker.reference.type"].is_string()).count(),
        0,
        "{plain:#}"
    );
}

/// A scanner for SBOMs that always finds the same.
fn scanner(registry: &str) -> Checkout {
    let statement = r#"{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
        "predicate": {"spdxVersion": "SPDX-2.3", "name": "found"}}"#;
    let scan =
        format!("#!/bin/sh\ncat >\"$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json\" <<'END'\n{statement}\nEND\n");
    let checkout = Checkout::empty();
    checkout.write("scanner/Dockerfile", "FROM busybox\nCOPY scan /scan\nENTRYPOINT [\"/scan\"]\n");
    checkout.write("scanner/scan", scan);
    checkout.make_executable("scanner/scan");
    checkout.write("shipwright.toml", format!("namespace = \"acme\"\nregistry = \"{registry}\"\n"));
    checkout.commit("a scanner");
    checkout
}

#[test]
fn a_bill_of_materials_is_kept_and_what_refers_to_an_image_stays() {
    let Some(engine) = Containerd::start() else { return };
    engine.run(&scanner(&engine.registry), &["push"]).exits(0);
    let checkout = checkout(&engine.registry);
    let sbom = format!("--sbom=generator={}/acme/scanner:main", engine.registry);
    engine.run(&checkout, &["push", &sbom]).exits(0);
    let read = |reference: &str| -> Value {
        let bytes = engine.manifest("acme/app", reference).unwrap_or_else(|| panic!("no {reference}"));
        serde_json::from_slice(&bytes).expect("JSON")
    };
    let attestation = read(&text(&read("main")["manifests"][1]["digest"]));
    let kinds: Vec<String> = attestation["layers"]
        .as_array()
        .expect("layers")
        .iter()
        .map(|layer| text(&layer["annotations"]["in-toto.io/predicate-type"]))
        .collect();
    assert_eq!(kinds, ["https://spdx.dev/Document"], "{attestation:#}");

    // A signature, where registries without an API for referrers keep it: under the digest of what it is of.
    let signed = engine.digest("acme/app", "main");
    let signature = signed.replace(':', "-");
    engine.put("acme/app", &signature, &engine.manifest("acme/app", "main").expect("there"));
    checkout.git(&["switch", "--quiet", "--create", "other"]);
    engine.run(&checkout, &["push"]).exits(0);
    assert_eq!(engine.digest("acme/app", "other"), signed, "so that it is the signature of this tag, too");
    assert!(engine.manifest("acme/app", &signature).is_some());
    engine.run(&checkout, &["prune", "--registry", "--yes"]).exits(0);
    assert!(engine.manifest("acme/app", &signature).is_some(), "what is not Shipwright's stays");
}

#[test]
fn what_the_store_cannot_hold_is_refused_before_anything_begins() {
    let Some(engine) = Engine::start() else { return };
    if engine.docker(&["info", "--format", "{{.DriverStatus}}"]).contains("io.containerd.snapshotter") {
        return;
    }
    let checkout = Checkout::shop();
    for (arguments, said) in [
        (
            &["--cache-to", "type=registry,ref=127.0.0.1:1/c:{image}"][..],
            "--cache-to type=registry with this image store",
        ),
        (
            &["--cache-from", "type=gha,url=http://127.0.0.1:1/,token=x"],
            "--cache-from type=gha with this image store",
        ),
        (&["--provenance"], "its image store cannot hold them"),
        (&["--sbom=generator=acme/scanner"], "its image store cannot hold them"),
    ] {
        let (run, events) = engine.build(&checkout, arguments);
        run.exits(2).says(said).says("containerd-snapshotter");
        assert!(events.is_empty(), "{events:?}");
    }
    assert!(!engine.has("base:latest"));
    let mut classic = engine.command(&checkout, &["build", "--cache-from", "127.0.0.1:1/c"]);
    let run = support::Run::of(&classic.env("DOCKER_BUILDKIT", "0").output().expect("the command runs"));
    run.exits(2).says("build caches of others").says("BuildKit");
    // What both can do: the cache is a part of the image.
    let (run, _) = engine.build(&checkout, &["motd", "--cache-to", "type=inline"]);
    run.exits(0);
}

#[test]
fn what_is_wrong_with_a_cache_is_said_before_anything_is_read() {
    let checkout = checkout("127.0.0.1:1");
    for (arguments, said) in [
        (["--cache-to", "type=local,dest=/tmp/x"], "type=registry can be read anywhere"),
        (["--cache-to", "type=regestry,ref=a"], "did you mean `registry`?"),
        (["--cache-to", "type=registry,ref=a,mode=most"], "neither min"),
        (["--cache-from", "type=registry,ref=a,mode=max"], "belongs to --cache-to"),
        (["--cache-from", "type=registry,reference"], "cannot read `reference`"),
        (["--cache-to", "type=gha"], "only jobs of GitHub Actions have"),
        (["--provenance=most", "-v"], "--provenance: cannot read `most`"),
    ] {
        checkout.run(&[&["build"], &arguments[..]].concat()).exits(2).says(said);
    }
    checkout.write("shipwright.toml", "cache = \"type=local,src=x\"\n");
    checkout.run(&["plan", "--offline"]).exits(2).says("cache: type=local is a folder");
    checkout.write("shipwright.toml", "[image.app]\ncache = [\"a:{imag}\"]\n");
    checkout.run(&["plan", "--offline"]).exits(2).says("image.app.cache: `{imag}` means nothing");
}
