//! Dockerfiles that have one key for being spelled differently build one image on a real engine.

mod spellings;
mod support;

use spellings::SAME;
use support::{Checkout, Engine, image, text};

#[test]
fn one_key_is_one_image_however_it_is_spelled() {
    let Some(engine) = Engine::start() else { return };
    for (at, texts) in SAME.iter().enumerate() {
        let checkout = Checkout::with(&[
            ("Dockerfile", texts[0]),
            ("a", "1"),
            ("b", "2"),
            (".dockerignore", "Dockerfile\n.git\n"),
        ]);
        let mut known: Option<(String, String, String)> = None;
        for spelled in *texts {
            checkout.write("Dockerfile", spelled);
            let plan = checkout.plan(&[]);
            let key = text(&image(&plan, &text(&plan["images"][0]["short_name"]))["key"]);
            let name = format!("{}/spelled:{at}", engine.namespace);
            let folder = checkout.root.to_string_lossy().into_owned();
            engine.docker(&[
                "buildx",
                "build",
                "--quiet",
                "--network",
                "none",
                "--load",
                "-t",
                &name,
                &folder,
            ]);
            let config = engine.docker(&["image", "inspect", "--format", "{{json .Config}}", &name]);
            // What is copied out of an image or made by RUN has times of its own.
            let files = files(&engine, &name);
            let found = (key, config, files);
            assert_eq!(known.get_or_insert_with(|| found.clone()), &found, "{spelled}");
        }
    }
}

/// Paths, modes, owners and sizes in the image.
fn files(engine: &Engine, name: &str) -> String {
    let container = engine.docker(&["create", name, "none"]);
    let export = std::process::Command::new("sh")
        .args(["-c", "docker -H \"$0\" export \"$1\" | tar -tv --numeric-owner | awk '{print $1,$2,$3,$6,$7,$8}' | sort"])
        .args([engine.host(), &container])
        .output()
        .expect("it runs");
    engine.docker(&["rm", "--force", &container]);
    String::from_utf8_lossy(&export.stdout).into_owned()
}
