//! What a compose file says is what is built, on a real engine.

mod support;

use support::{Checkout, Engine, image, text};

const COMPOSE: &str = "\
services:
  runtime: {image: acme/runtime, build: runtime}
  api:
    image: acme/api
    build:
      context: .
      dockerfile: api/Dockerfile
      target: prod
      args:
        V: \"2\"
      additional_contexts:
        base: service:runtime
        tools: docker-image://busybox
";

const DOCKERFILE: &str = "\
FROM base AS prod
ARG V=1
RUN echo $V > /v
COPY api/a /a
COPY --from=tools /bin/busybox /tool
FROM busybox AS other
RUN false
";

#[test]
fn stages_arguments_contexts_and_images_of_other_services_are_built_as_said() {
    let Some(engine) = Engine::start() else { return };
    let checkout = Checkout::with(&[
        ("compose.yaml", COMPOSE),
        ("runtime/Dockerfile", &format!("FROM busybox\nRUN echo {} > /r\n", engine.namespace)),
        ("api/Dockerfile", DOCKERFILE),
        ("api/a", "a\n"),
    ]);
    engine.run(&checkout, &["build"]).exits(0).says("2 built");
    let files = engine.in_image("api:main", &["cat", "/r", "/v", "/a"]);
    assert_eq!(files, format!("{}\n2\na", engine.namespace));
    engine.run(&checkout, &["build"]).exits(0).says("2 unchanged");

    checkout.write("compose.yaml", COMPOSE.replace("V: \"2\"", "V: \"3\""));
    checkout.commit("three");
    let plan = engine.run(&checkout, &["plan", "--format", "json"]).exits(0).json();
    let reason = &image(&plan, "api")["reasons"][0];
    assert_eq!(text(&reason["text"]), "compose.yaml:10 now says V 3");
    assert_eq!(text(&reason["path"]), "compose.yaml");
    engine.run(&checkout, &["build"]).exits(0).says("1 built");
    assert_eq!(engine.in_image("api:main", &["cat", "/v"]), "3");
    // What is built on another image is built anew with it.
    checkout.write("runtime/Dockerfile", format!("FROM busybox\nRUN echo new {} > /r\n", engine.namespace));
    checkout.commit("new");
    engine.run(&checkout, &["build"]).exits(0).says("2 built");
    assert_eq!(engine.in_image("api:main", &["cat", "/r"]), format!("new {}", engine.namespace));
}
