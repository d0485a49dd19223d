//! Containers of a compose project: `docker compose up` takes what was deployed for its own.

use crate::deploy::{Dock, SERVE};
use crate::support::text;

#[test]
fn compose_makes_nothing_anew_after_a_deployment() {
    let Some(dock) = Dock::new() else { return };
    if !dock.engine.try_docker(&["compose", "version"]).status.success() {
        #[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
        {
            eprintln!("not run: docker has no compose plugin");
        }
        return;
    }
    let latest = dock.image("api:latest", &format!("ENV V=1\nVOLUME /data\n{SERVE}"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("compose.yaml");
    let project = dock.engine.namespace.clone();
    let services = format!(
        "services:\n  api:\n    image: {latest}\n    environment: {{MINE: \"1\"}}\n    ports: [\"127.0.0.1:18222:80\"]\n    \
         volumes: [\"named:/named\"]\n    networks: {{default: {{aliases: [al]}}}}\n  other:\n    image: {latest}\n    \
         depends_on: [api]\nvolumes: {{named: {{}}}}\n"
    );
    std::fs::write(&file, services).expect("a file");
    let file = file.display().to_string();
    let compose = |words: &[&str]| {
        dock.engine.docker(&[&["compose", "--project-name", &project, "--file", &file], words].concat())
    };
    compose(&["up", "--detach"]);
    dock.only(&["api-1", "other-1"]);
    dock.image("api:latest", &format!("ENV V=2\nVOLUME /data\n{SERVE}"));
    for name in ["api-1", "other-1"] {
        dock.run(&["deploy", &dock.name(name), "--grace", "0"]).exits(0);
    }
    let ids = || ["api-1", "other-1"].map(|name| text(&dock.inspect(name)["Id"]));
    let before = ids();
    compose(&["up", "--detach"]);
    assert_eq!(ids(), before);
    assert_eq!(text(&dock.inspect("api-1")["Image"]), dock.id(&latest));
    compose(&["down", "--volumes", "--timeout", "1"]);
}
