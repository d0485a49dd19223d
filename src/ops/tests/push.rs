use super::*;
use crate::ops::{BuildRequest, Ending, PushRequest, push};

fn request() -> PushRequest {
    PushRequest { build: BuildRequest { images: api(), ..BuildRequest::default() }, ..PushRequest::default() }
}

/// Pushes `api`, and gives how that ended.
async fn pushed(shop: &Shop, heard: &mut Heard) -> Ending {
    push(&shop.config(), &request(), heard).await.expect("begins")
}

/// What happens to the registry.
fn of_registry(changes: &[String]) -> Vec<String> {
    let ours = changes.iter().filter(|line| line.starts_with("push ") || line.starts_with("put "));
    short(&ours.cloned().collect::<Vec<_>>())
}

#[tokio::test]
async fn content_goes_first_then_commits_then_branches_then_latest() {
    let shop = Shop::new();
    assert_eq!(pushed(&shop, &mut Heard::default()).await, Ending::Done);
    let changes = shop.world.changes();
    let key = changes[0].split([' ', ':']).nth(2).expect("the key").to_owned();
    let (content, commit) = (format!("push {key}"), format!("put {}", shop.head()));
    assert_eq!(of_registry(&changes), [&content, &commit, "put main", "put latest"]);
    assert!(changes[0].starts_with("build acme/api:src-"), "{changes:?}");
    let tags = shop.world.registry_tags("acme/api");
    assert_eq!(tags.len(), 4);
    assert!(tags.values().all(|image| *image == 1), "{tags:?}");
}

#[tokio::test]
async fn what_is_in_place_is_looked_at_and_left_alone() {
    let shop = Shop::new();
    pushed(&shop, &mut Heard::default()).await;
    shop.world.log();
    assert_eq!(pushed(&shop, &mut Heard::default()).await, Ending::Done);
    let log = shop.world.log();
    let looks = log.iter().filter(|line| line.starts_with("look ")).count();
    // One for each tag.
    assert_eq!(looks, 4, "{log:?}");
    assert!(log.iter().all(|line| line.starts_with("look ") || line.starts_with("inspect ")), "{log:?}");
}

#[tokio::test]
async fn what_the_registry_has_is_neither_built_nor_pushed_for_a_new_commit() {
    let shop = Shop::new();
    pushed(&shop, &mut Heard::default()).await;
    shop.world.forget_engine();
    shop.commit("README", "2");
    shop.world.log();
    assert_eq!(pushed(&shop, &mut Heard::default()).await, Ending::Done);
    // The image did not change, so that the commit which changed it last stays its own.
    let changes = shop.world.changes();
    assert!(changes.iter().all(|line| line.starts_with("put ")), "{changes:?}");
}

#[tokio::test]
async fn a_branch_moves_forward_and_its_commit_stays() {
    let shop = Shop::new();
    pushed(&shop, &mut Heard::default()).await;
    let first = shop.head();
    shop.commit("api/file", "2");
    assert_eq!(pushed(&shop, &mut Heard::default()).await, Ending::Done);
    let tags = shop.world.registry_tags("acme/api");
    assert_eq!((tags[&first], tags[&shop.head()], tags["main"], tags["latest"]), (1, 2, 2, 2), "{tags:?}");
}

#[tokio::test]
async fn a_commit_outside_of_this_history_is_not_overwritten() {
    let shop = Shop::new();
    let theirs = "1".repeat(40);
    shop.world.put_in_registry("acme/api:main", of_commit(&theirs));
    let mut heard = Heard::default();
    let error = push(&shop.config(), &request(), &mut heard).await.expect_err("refused");
    assert_eq!(error.ending(), Ending::Failed);
    assert!(heard.says("acme/api:main"), "{:?}", heard.0);
    assert_eq!(shop.world.changes(), Vec::<String>::new(), "nothing is built for it");

    let forced = PushRequest { force: true, ..request() };
    assert_eq!(push(&shop.config(), &forced, &mut Heard::default()).await.expect("begins"), Ending::Done);
    assert_eq!(shop.world.registry_tags("acme/api")["main"], 1);
}

#[tokio::test]
async fn a_foreign_image_under_the_key_stops_everything() {
    let shop = Shop::new();
    pushed(&shop, &mut Heard::default()).await;
    let tags = shop.world.registry_tags("acme/api");
    let key = tags.keys().find(|tag| tag.starts_with("src-")).expect("its key");
    let other = Shop::new();
    other.world.put_in_registry(&format!("acme/api:{key}"), foreign());
    let mut heard = Heard::default();
    let error = push(&other.config(), &request(), &mut heard).await.expect_err("refused");
    assert_eq!(error.ending(), Ending::Registry);
    assert!(heard.says("is not an image of Shipwright's"), "{:?}", heard.0);
    assert_eq!(other.world.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_commits_tag_with_other_content_stays_and_is_told() {
    let shop = Shop::new();
    let commit = format!("acme/api:{}", shop.head());
    shop.world.put_in_registry(&commit, foreign());
    let mut heard = Heard::default();
    assert_eq!(pushed(&shop, &mut heard).await, Ending::Done);
    assert!(heard.says(&commit), "{:?}", heard.0);
    assert_eq!(shop.world.in_registry(&commit), foreign());
    assert_eq!(shop.world.registry_tags("acme/api")["main"], 1);
}

#[tokio::test]
async fn a_push_that_is_overtaken_moves_nothing() {
    let shop = Shop::new();
    let theirs = of_commit(&"1".repeat(40));
    // While this push sends its image, another one ends.
    shop.world.meanwhile(&["push acme/api:"], "acme/api:main", theirs.clone());
    let mut heard = Heard::default();
    assert_eq!(pushed(&shop, &mut heard).await, Ending::Failed);
    assert_eq!(shop.world.in_registry("acme/api:main"), theirs);
    assert!(!shop.world.registry_tags("acme/api").contains_key("latest"));
    assert!(heard.says("acme/api:main"), "{:?}", heard.0);
}

#[tokio::test]
async fn a_tag_that_an_older_push_takes_back_at_that_moment_moves_again() {
    let shop = Shop::new();
    pushed(&shop, &mut Heard::default()).await;
    let older = shop.world.in_registry("acme/api:main");
    shop.commit("api/file", "2");
    shop.world.log();
    shop.world.meanwhile(&["put acme/api:main", "look acme/api:main"], "acme/api:main", older);
    let mut heard = Heard::default();
    assert_eq!(pushed(&shop, &mut heard).await, Ending::Done);
    assert_eq!(of_registry(&shop.world.changes())[2..], ["put main", "put main", "put latest"]);
    assert_eq!(shop.world.registry_tags("acme/api")["main"], 2);
    assert!(heard.says("moving again"), "{:?}", heard.0);
}

#[tokio::test]
async fn a_newer_push_that_takes_a_tag_at_that_moment_keeps_it() {
    let shop = Shop::new();
    let theirs = of_commit(&"1".repeat(40));
    shop.world.meanwhile(&["put acme/api:main", "look acme/api:main"], "acme/api:main", theirs.clone());
    assert_eq!(pushed(&shop, &mut Heard::default()).await, Ending::Failed);
    assert_eq!(shop.world.in_registry("acme/api:main"), theirs);
    assert!(!shop.world.registry_tags("acme/api").contains_key("latest"), "no turn comes after it");
}

#[tokio::test]
async fn a_fork_without_a_login_builds_and_pushes_nothing() {
    let shop = Shop::new();
    let mut heard = Heard::default();
    let ending = push(&shop.config_of_fork(), &request(), &mut heard).await.expect("begins");
    assert_eq!(ending, Ending::Done);
    let changes = shop.world.changes();
    assert!(changes[0].starts_with("build acme/api:src-"), "{changes:?}");
    assert_eq!(of_registry(&changes), Vec::<String>::new());
    assert!(shop.world.registry_tags("acme/api").is_empty());
}

#[tokio::test]
async fn uncommitted_changes_are_refused_before_anybody_is_asked_to_build() {
    let shop = Shop::new();
    shop.repository.write("api/file", "changed");
    let error = push(&shop.config(), &request(), &mut ()).await.expect_err("refused");
    assert!(message(error).contains("uncommitted changes"));
    let log = shop.world.log();
    assert!(log.iter().all(|line| line.starts_with("inspect ") || line == "list"), "{log:?}");

    let dirty = PushRequest { dirty: true, ..request() };
    assert_eq!(push(&shop.config(), &dirty, &mut ()).await.expect("begins"), Ending::Done);
    let tags = shop.world.registry_tags("acme/api");
    let names: Vec<&String> = tags.keys().filter(|tag| !tag.starts_with("src-")).collect();
    assert_eq!(names, ["main"], "neither `latest` nor a commit's");
}

#[tokio::test]
async fn without_building_what_is_nowhere_is_an_error() {
    let shop = Shop::new();
    let only = PushRequest { no_build: true, ..request() };
    let error = push(&shop.config(), &only, &mut ()).await.expect_err("refused");
    assert!(message(error).contains("neither the engine nor the registry has acme/api"));
    assert_eq!(shop.world.changes(), Vec::<String>::new());
}
