use super::super::Part;
use super::*;

fn place(path: &str, line: usize) -> Place {
    Place { path: path.into(), line }
}

struct Maker(Claim);

fn claim(kind: Kind, path: &str, line: usize, dockerfile: &str) -> Maker {
    Maker(Claim::new(kind, place(path, line), dockerfile.into()))
}

impl Maker {
    fn said<T>(&self, value: T) -> Said<T> {
        Said { value, place: self.0.place.clone() }
    }

    fn name(mut self, text: &str) -> Self {
        let name = ClaimedName::of(&text.into()).expect("a name");
        self.0.name = Some(self.said(name));
        self
    }

    fn target(mut self, target: &str) -> Self {
        self.0.target = Some(self.said(target.to_owned()));
        self
    }

    fn arg(mut self, name: &str, value: &str) -> Self {
        let value = self.said(value.to_owned());
        self.0.args.insert(name.to_owned(), value);
        self
    }

    fn context(mut self, context: &str) -> Self {
        self.0.context = Some(self.said(context.into()));
        self
    }
}

/// `DOCKERFILE NAME[:TAG] TARGET CONTEXT` of each image, with `-` for what is not said.
fn merged(claims: Vec<Maker>) -> (Vec<String>, Vec<String>) {
    let aside = BTreeSet::from(["examples/Dockerfile".into()]);
    let accounts = merge(claims.into_iter().map(|maker| maker.0).collect(), &aside);
    let line = |(dockerfile, account): (&TreePath, &Account)| {
        let name = account.name.as_ref().map_or("-".to_owned(), |name| {
            let tag = name.value.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
            format!("{}{tag}", name.value.repository)
        });
        let target = account.target.as_ref().map_or("-", |target| &target.value);
        let context = account.context.as_ref().map_or("-".to_owned(), |context| context.value.to_text());
        format!("{dockerfile} {name} {target} {context}")
    };
    let images = accounts.of.iter().flat_map(|(path, of)| of.iter().map(move |account| (path, account)));
    let notes =
        accounts.diagnostics.iter().map(|found| format!("{}: {}", found.severity.as_str(), found.message));
    (images.map(line).collect(), notes.collect())
}

#[test]
fn one_name_is_merged_field_by_field_in_the_order_of_kinds() {
    let (images, notes) = merged(vec![
        claim(Kind::Script, "build.sh", 2, "api/Dockerfile")
            .name("acme/api")
            .target("script")
            .context("script"),
        claim(Kind::Compose, "compose.yaml", 4, "api/Dockerfile").name("ghcr.io/acme/api:dev").context("api"),
        claim(Kind::Workflow, ".github/workflows/x.yml", 1, "api/Dockerfile").name("acme/api").target("prod"),
    ]);
    assert_eq!(images, ["api/Dockerfile ghcr.io/acme/api prod api"]);
    assert_eq!(notes, [""; 0]);
}

#[test]
fn other_names_are_other_images() {
    let (images, _) = merged(vec![
        claim(Kind::Compose, "compose.yaml", 9, "Dockerfile").name("acme/worker").target("worker"),
        claim(Kind::Compose, "compose.yaml", 4, "Dockerfile").name("acme/api").target("api"),
    ]);
    assert_eq!(images, ["Dockerfile acme/api api -", "Dockerfile acme/worker worker -"]);
}

#[test]
fn a_weaker_name_for_the_same_build_or_without_a_namespace_is_no_image() {
    let (images, notes) = merged(vec![
        claim(Kind::Compose, "compose.yaml", 4, "Dockerfile").name("acme/api").target("api"),
        claim(Kind::Makefile, "Makefile", 4, "Dockerfile").name("acme/api-next").target("api"),
        claim(Kind::Script, "t.sh", 4, "Dockerfile").name("test").target("test"),
        claim(Kind::Script, "w.sh", 4, "Dockerfile").name("acme/worker").target("worker"),
    ]);
    assert_eq!(images, ["Dockerfile acme/api api -", "Dockerfile acme/worker worker -"]);
    assert_eq!(
        notes,
        [
            "note: Dockerfile is called acme/api, and acme/api-next elsewhere",
            "note: Dockerfile is called acme/api, and test elsewhere",
        ]
    );
}

#[test]
fn a_claim_without_a_name_says_all_of_a_nameless_image_and_the_context_of_others() {
    let (images, _) = merged(vec![
        claim(Kind::Compose, "compose.yaml", 4, "a/Dockerfile").target("dev").context("x"),
        claim(Kind::Compose, "compose.yaml", 8, "a/Dockerfile").target("other"),
        claim(Kind::Compose, "compose.yaml", 9, "b/Dockerfile").target("dev").context("y"),
        claim(Kind::Script, "build.sh", 9, "b/Dockerfile").name("acme/b"),
    ]);
    assert_eq!(images, ["a/Dockerfile - dev x", "b/Dockerfile acme/b - y"]);
}

#[test]
fn tags_are_part_of_a_name_where_several_images_share_the_repository() {
    let php = |line, version: &str| {
        claim(Kind::Bake, "docker-bake.hcl", line, "php/Dockerfile")
            .name(&format!("acme/php:{version}"))
            .arg("VERSION", version)
    };
    let (images, _) = merged(vec![
        php(1, "8.2"),
        php(9, "8.3"),
        claim(Kind::Bake, "docker-bake.hcl", 20, "api/Dockerfile").name("acme/api:1.4"),
    ]);
    assert_eq!(
        images,
        ["api/Dockerfile acme/api - -", "php/Dockerfile acme/php:8.2 - -", "php/Dockerfile acme/php:8.3 - -"]
    );
}

#[test]
fn tags_that_are_known_in_part_tell_images_apart_too() {
    let shop = |line, dockerfile: &str, parts: &[Part]| {
        let mut maker = claim(Kind::Workflow, ".github/workflows/x.yml", line, dockerfile);
        let name = ClaimedName::of(&parts.iter().cloned().collect()).expect("a name");
        maker.0.name = Some(maker.said(name));
        maker
    };
    let known = |text: &str| Part::Known(text.to_owned());
    let (images, _) = merged(vec![
        shop(1, "api/Dockerfile", &[known("acme/shop:"), Part::Unknown, known("-api")]),
        shop(1, "web/Dockerfile", &[known("acme/shop:latest-web")]),
    ]);
    assert_eq!(images, ["api/Dockerfile acme/shop:api - -", "web/Dockerfile acme/shop:web - -"]);
    let (images, notes) = merged(vec![
        shop(1, "api/Dockerfile", &[known("acme/shop:"), Part::Unknown]),
        shop(1, "web/Dockerfile", &[known("acme/shop:"), Part::Unknown]),
    ]);
    assert_eq!(images, ["api/Dockerfile - - -", "web/Dockerfile - - -"]);
    assert_eq!(notes, [""; 0]);
}

#[test]
fn another_version_hands_no_arguments_on() {
    let (images, _) = merged(vec![
        claim(Kind::Makefile, "Makefile", 1, "node/Dockerfile").name("acme/node:beta").target("beta"),
        claim(Kind::Makefile, "Makefile", 9, "node/Dockerfile").name("acme/node").context("node"),
    ]);
    assert_eq!(images, ["node/Dockerfile acme/node - node"]);
}

#[test]
fn what_is_built_for_development_says_nothing_of_what_is_published() {
    let (images, _) = merged(vec![
        claim(Kind::Makefile, "Makefile", 1, "node/Dockerfile").name("acme/node:dev").target("dev"),
        claim(Kind::Makefile, "Makefile", 9, "node/Dockerfile").name("acme/node:latest").context("node"),
    ]);
    assert_eq!(images, ["node/Dockerfile acme/node - node"]);
    // Where nothing else is said, it counts.
    let (images, _) = merged(vec![
        claim(Kind::Makefile, "Makefile", 1, "node/Dockerfile").name("acme/node:dev").target("dev"),
    ]);
    assert_eq!(images, ["node/Dockerfile acme/node dev -"]);
}

#[test]
fn a_release_of_the_day_is_no_image_beside_others() {
    let known = |text: &str| Part::Known(text.to_owned());
    let mut release = claim(Kind::Makefile, "Makefile", 1, "node/Dockerfile");
    let name = ClaimedName::of(&[known("acme/node:4.25.0-"), Part::Unknown].into_iter().collect());
    release.0.name = Some(release.said(name.expect("a name")));
    let beta = claim(Kind::Makefile, "Makefile", 9, "node/Dockerfile").name("acme/node:beta").arg("V", "b");
    let gamma =
        claim(Kind::Makefile, "Makefile", 12, "node/Dockerfile").name("acme/node:gamma").arg("V", "c");
    let (images, _) = merged(vec![release, beta, gamma]);
    assert_eq!(
        images,
        [
            "node/Dockerfile acme/node - -",
            "node/Dockerfile acme/node:beta - -",
            "node/Dockerfile acme/node:gamma - -"
        ]
    );
}

#[test]
fn what_a_command_leaves_open_no_other_of_its_file_fills() {
    let build = |path: &str, line| claim(Kind::Makefile, path, line, "node/Dockerfile").name("acme/node");
    let with = |other: Maker| {
        let mut open = build("Makefile", 3);
        open.0.open_args.insert("VERSION".to_owned());
        let accounts = merge(vec![open.0, other.0], &BTreeSet::new());
        accounts.of[&"node/Dockerfile".into()][0].args.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(with(build("Makefile", 9).arg("VERSION", "4").arg("X", "1")), ["X"]);
    assert_eq!(with(build("x/Makefile", 9).arg("VERSION", "4")), ["VERSION"]);
}

#[test]
fn whole_names_of_different_builds_are_different_images() {
    let (images, _) = merged(vec![
        claim(Kind::Script, "a.sh", 1, "Dockerfile").name("acme/db").target("production"),
        claim(Kind::Script, "a.sh", 9, "Dockerfile").name("ecr.example/acme/db").target("cache"),
        claim(Kind::Script, "b.sh", 1, "Dockerfile").name("ecr.example/acme/db"),
    ]);
    assert_eq!(images, ["Dockerfile acme/db production -", "Dockerfile ecr.example/acme/db cache -"]);
}

#[test]
fn several_versions_of_one_build_are_one_image() {
    let (images, _) = merged(vec![
        claim(Kind::Compose, "compose.yaml", 1, "api/Dockerfile").name("acme/api:1.4"),
        claim(Kind::Script, "build.sh", 1, "api/Dockerfile").name("acme/api:1.5"),
    ]);
    assert_eq!(images, ["api/Dockerfile acme/api - -"]);
}

#[test]
fn of_two_images_of_one_name_the_stronger_has_it() {
    let (images, notes) = merged(vec![
        claim(Kind::Script, "build.sh", 1, "a/Dockerfile").name("acme/api"),
        claim(Kind::Compose, "compose.yaml", 1, "b/Dockerfile").name("acme/api"),
    ]);
    assert_eq!(images, ["a/Dockerfile - - -", "b/Dockerfile acme/api - -"]);
    assert_eq!(notes, ["note: a/Dockerfile is not called acme/api here: that is the name of another image"]);
    let same = |line, dockerfile| claim(Kind::Compose, "compose.yaml", line, dockerfile).name("acme/api");
    let (_, notes) = merged(vec![same(1, "a/Dockerfile"), same(5, "b/Dockerfile")]);
    assert!(notes[0].starts_with("error: b/Dockerfile"), "{notes:?}");
    let (images, notes) = merged(vec![
        claim(Kind::Makefile, "Makefile", 1, "a/Dockerfile").name("acme/api"),
        claim(Kind::Compose, "compose.yaml", 1, "examples/Dockerfile").name("acme/api"),
    ]);
    assert_eq!(images, ["a/Dockerfile acme/api - -", "examples/Dockerfile - - -"]);
    assert!(notes[0].starts_with("note: examples/Dockerfile"), "{notes:?}");
}

#[test]
fn a_word_is_a_tag_where_it_is_one_of_several_dockerfiles_alone() {
    let of = |dockerfile, name| claim(Kind::Compose, "compose.yaml", 1, dockerfile).name(name);
    for (claims, expected) in [
        (
            vec![of("a/Dockerfile", "acme/app:latest"), of("b/Dockerfile", "acme/app:dev")],
            vec!["a/Dockerfile acme/app - -", "b/Dockerfile acme/app:dev - -"],
        ),
        (
            vec![of("a/Dockerfile", "acme/app:prod"), of("b/Dockerfile", "acme/app:dev")],
            vec!["a/Dockerfile acme/app:prod - -", "b/Dockerfile acme/app:dev - -"],
        ),
        // Versions of one build, or somebody else's repository.
        (
            vec![of("a/Dockerfile", "acme/app:latest"), of("a/Dockerfile", "acme/app:dev")],
            vec!["a/Dockerfile acme/app - -"],
        ),
        (
            vec![of("a/Dockerfile", "acme/app:latest"), of("b/Dockerfile", "other/app:dev")],
            vec!["a/Dockerfile acme/app - -", "b/Dockerfile other/app - -"],
        ),
    ] {
        assert_eq!(merged(claims).0, expected);
    }
}

#[test]
fn a_version_that_a_folder_is_called_by_is_a_tag() {
    let of = |dockerfile, name| claim(Kind::Compose, "compose.yaml", 1, dockerfile).name(name);
    for (dockerfile, name, expected) in [
        ("php/8.3/Dockerfile", "acme/php:8.3", "php/8.3/Dockerfile acme/php:8.3 - -"),
        ("php/8.3/fpm/Dockerfile", "acme/php:8.3", "php/8.3/fpm/Dockerfile acme/php:8.3 - -"),
        ("php/8.2/Dockerfile", "acme/php:8.3", "php/8.2/Dockerfile acme/php - -"),
        ("php/Dockerfile", "acme/php:8.3", "php/Dockerfile acme/php - -"),
        ("api/Dockerfile", "acme/shop:api", "api/Dockerfile acme/shop - -"),
    ] {
        assert_eq!(merged(vec![of(dockerfile, name)]).0, [expected]);
    }
}
