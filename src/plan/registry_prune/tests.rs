use super::*;

fn key(byte: u8) -> ContentKey {
    ContentKey::new([byte; 32])
}

fn digest(byte: u8) -> Digest {
    Digest::new(&format!("sha256:{}", format!("{byte:02x}").repeat(32))).expect("a digest")
}

fn tag(text: &str) -> Tag {
    Tag::new(text).expect("a tag")
}

/// An image of this repository under the tag of its key and further ones.
fn image(byte: u8, tags: &[&str]) -> RegistryImage {
    let says = Says {
        key: Some(key(byte)),
        dockerfile: "api/Dockerfile".to_owned(),
        platforms: vec!["linux/amd64".parse().expect("a platform")],
        source: "https://h.example/acme/shop".to_owned(),
        revision: Some((CommitId::new([byte; 20]), true)),
        is_built_here: false,
    };
    let tags = std::iter::once(key(byte).tag()).chain(tags.iter().map(|text| tag(text))).collect();
    RegistryImage { digest: Some(digest(byte)), says: Some(says), ..RegistryImage::of_tags(tags) }
}

fn rules() -> RegistryRules {
    RegistryRules {
        alive: [("main", "main"), ("v1.0", "v1.0")].map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
        of_branches: ["feature", "main", "8.0-feature", "2.0"].map(str::to_owned).into(),
        said_dead: BTreeSet::new(),
        platform: "linux/amd64".parse().expect("a platform"),
        source: Some("git@h.example:acme/shop.git".to_owned()),
        unknown_commits: false,
    }
}

/// Key 1 is needed.
fn needs() -> Needs {
    Needs { keys: [(key(1), "main".to_owned())].into(), ..Needs::default() }
}

fn decided(images: &[RegistryImage], rules: &RegistryRules) -> Vec<RegistryStep> {
    let tags: Vec<Tag> = images.iter().flat_map(|image| image.tags.clone()).collect();
    let repository = Repository::new("r.example/acme/api").expect("a repository");
    RegistryTags::new(&tags, &needs(), rules).decide(&repository, images, &needs(), rules)
}

/// What becomes of the tags of one image: `-` in front of those that go.
fn tags_of(image: &RegistryImage, rules: &RegistryRules) -> Vec<String> {
    let steps = decided(std::slice::from_ref(image), rules);
    let word = |it: &TagStep| format!("{}{}", if it.removes { "-" } else { "" }, it.tag);
    steps[0].tags.iter().map(word).collect()
}

#[track_caller]
fn goes(image: &RegistryImage, rules: &RegistryRules) {
    let steps = decided(std::slice::from_ref(image), rules);
    assert!(steps[0].removes_all(), "{steps:?}");
}

#[track_caller]
fn stays(image: &RegistryImage, rules: &RegistryRules, why: &str) {
    let steps = decided(std::slice::from_ref(image), rules);
    assert!(!steps[0].removes_any(), "{steps:?}");
    assert!(steps[0].tags.iter().all(|it| it.reason.contains(why)), "{steps:?}");
}

#[test]
fn what_nothing_needs_goes_with_the_tags_of_commits_and_dead_branches() {
    goes(&image(2, &[]), &rules());
    goes(&image(2, &["0123456789ab", "feature"]), &rules());
    stays(&image(1, &["0123456789ab"]), &rules(), "needed by main");
}

#[test]
fn tags_that_shipwright_did_not_make_keep_all_of_an_image() {
    for (foreign, why) in [
        ("latest", "latest is never removed"),
        ("main", "main is the tag of main"),
        ("v1.0", "v1.0 is the tag of v1.0"),
        ("1.4.0", "1.4.0 is not known"),
        ("v2", "v2 is not known"),
        // A branch was called so.
        ("2.0", "2.0 is not known"),
        ("stable", "stable is not known"),
        ("current", "current is kept for deployments"),
        ("previous", "previous is kept for deployments"),
        ("pr-7", "whether the pull request of pr-7 is open is not known"),
        ("0123456789AB", "0123456789AB is not known"),
        ("0123456789abc", "0123456789abc is not known"),
    ] {
        stays(&image(2, &[foreign, "0123456789ab"]), &rules(), why);
    }
}

#[test]
fn a_dead_branch_leaves_an_image_that_stays() {
    let own = key(1).tag().to_string();
    assert_eq!(tags_of(&image(1, &["feature", "main"]), &rules()), [own.as_str(), "-feature", "main"]);
    let own = key(2).tag().to_string();
    assert_eq!(tags_of(&image(2, &["feature", "stable"]), &rules()), [own.as_str(), "-feature", "stable"]);
    // But not one that somebody else made, or made from a commit that is not here.
    let mut other = image(1, &["feature"]);
    other.says.as_mut().expect("it says").revision = Some((CommitId::new([9; 20]), false));
    assert_eq!(tags_of(&other, &rules()), [key(1).tag().to_string().as_str(), "feature"]);
}

#[test]
fn somebody_can_say_that_a_branch_is_gone() {
    let mut rules = rules();
    rules.said_dead = ["stable", "pr-7"].map(str::to_owned).into();
    goes(&image(2, &["stable", "pr-7"]), &rules);
    // Not of one that is there.
    rules.said_dead.insert("main".to_owned());
    stays(&image(2, &["main"]), &rules, "main is the tag of main");
}

#[test]
fn the_prefix_of_an_image_stands_in_front_of_its_tags() {
    let mut php = image(2, &["8.0-0123456789ab", "8.0-feature"]);
    php.tags[0] = tag(&format!("8.0-{}", key(2).tag()));
    goes(&php, &rules());
    for (kept, why) in [("8.0", "8.0 is never removed"), ("8.0-main", "tag of main"), ("8.0-x", "not known")]
    {
        let mut php = php.clone();
        php.tags.push(tag(kept));
        let steps = decided(&[php], &rules());
        assert!(!steps[0].removes_all() && steps[0].tags[0].reason.contains(why), "{steps:?}");
    }
}

#[test]
fn only_images_of_this_repository_go() {
    let with = |change: &dyn Fn(&mut Says)| {
        let mut image = image(2, &[]);
        change(image.says.as_mut().expect("it says"));
        image
    };
    let rules = rules();
    stays(&with(&|says| says.key = None), &rules, "Shipwright did not make it");
    stays(&with(&|says| says.key = Some(key(3))), &rules, "is not the tag of its key");
    stays(
        &with(&|says| says.source = "https://h.example/other/shop".to_owned()),
        &rules,
        "it was built from",
    );
    stays(&with(&|says| says.revision = None), &rules, "from uncommitted changes");
    stays(&with(&|says| says.platforms = vec!["linux/arm64".parse().expect("one")]), &rules, "linux/arm64");
    stays(&with(&|says| says.platforms.clear()), &rules, "does not say what it runs on");
    goes(&with(&|says| (says.revision, says.is_built_here) = (None, true)), &rules);
    goes(&with(&|says| says.source.clear()), &rules);
    let unknown = with(&|says| says.revision = Some((CommitId::new([9; 20]), false)));
    stays(&unknown, &rules, "a commit that is not here");
    let careless = RegistryRules { unknown_commits: true, ..rules.clone() };
    goes(&unknown, &careless);
    stays(&with(&|says| says.revision = None), &careless, "from uncommitted changes");
    // Without an address nothing tells whose commit it is.
    let nameless = RegistryRules { source: None, ..careless };
    let sourceless = with(&|says| {
        says.source.clear();
        says.revision = Some((CommitId::new([9; 20]), false));
    });
    stays(&sourceless, &nameless, "a commit that is not here");
}

#[test]
fn an_image_whose_dockerfile_cannot_be_read_somewhere_stays() {
    let needs = Needs { dockerfiles: [("api/Dockerfile".to_owned(), "v1.0".to_owned())].into(), ..needs() };
    let image = image(2, &[]);
    let tags = image.tags.clone();
    let repository = Repository::new("r.example/acme/api").expect("a repository");
    let steps = RegistryTags::new(&tags, &needs, &rules()).decide(&repository, &[image], &needs, &rules());
    assert_eq!(steps[0].tags[0].reason, "what v1.0 makes of api/Dockerfile is not known");
}

#[test]
fn a_child_of_an_index_that_stays_stays_as_well() {
    let index = |byte, child| RegistryImage { children: vec![digest(child)], ..image(byte, &[]) };
    let steps = decided(&[image(2, &[]), index(1, 2)], &rules());
    assert!(steps.iter().all(|step| !step.removes_any()), "{steps:?}");
    let steps = decided(&[image(2, &[]), index(3, 2)], &rules());
    assert!(steps.iter().all(RegistryStep::removes_all), "{steps:?}");
}

#[test]
fn nothing_is_asked_where_no_name_may_go() {
    let may = |tags: &[&str]| {
        let tags: Vec<Tag> = tags.iter().map(|text| tag(text)).collect();
        RegistryTags::new(&tags, &needs(), &rules()).any_may_go()
    };
    let (needed, other) = (key(1).tag().to_string(), key(2).tag().to_string());
    assert!(!may(&[]) && !may(&[&needed, "main", "latest", "0123456789ab", "v1.0"]));
    assert!(may(&[&needed, &other]) && may(&[&needed, "feature"]));
}

#[test]
fn addresses_of_one_repository() {
    let own = "git@h.example:acme/shop.git";
    for same in [
        "https://h.example/acme/shop",
        "ssh://git@H.example:22/acme/shop.git",
        "https://h.example/acme/shop.git/",
    ] {
        assert!(same_source(own, same), "{same}");
    }
    for other in ["", "https://h.example/acme/shop2", "https://g.example/acme/shop", "/srv/acme/shop"] {
        assert!(!same_source(own, other), "{other}");
    }
    assert!(same_source("/srv/shop", "/srv/shop/"));
}

#[test]
fn tags_that_never_move() {
    assert!(never_moves(&key(1).tag()) && never_moves(&tag("0123456789ab")));
    for moving in ["main", "latest", "8.0-0123456789ab", "src-x"] {
        assert!(!never_moves(&tag(moving)), "{moving}");
    }
}
