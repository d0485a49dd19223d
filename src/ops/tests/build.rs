use super::*;
use crate::ops::{BuildRequest, Ending, build};

async fn built(shop: &Shop, images: ImageRequest, heard: &mut Heard) -> Ending {
    let request = BuildRequest { images, ..BuildRequest::default() };
    build(&shop.config(), &request, heard).await.expect("begins").ending
}

#[tokio::test]
async fn builds_in_order_and_moves_tags_when_all_are_there() {
    let shop = Shop::new();
    let ending = built(&shop, ImageRequest::default(), &mut Heard::default()).await;
    assert_eq!(ending, Ending::Done);
    let changes = shop.world.changes();
    let of =
        |repository: &str| changes.iter().position(|line| line.starts_with(&format!("build {repository}:")));
    assert!(of("acme/api") < of("acme/web"), "{changes:?}");
    let first_move = changes.iter().position(|line| line.starts_with("tag ")).expect("tags move");
    assert!(of("acme/web").expect("built") < first_move, "{changes:?}");
    assert_eq!(short(&changes[first_move..]), ["tag main", "tag latest", "tag main", "tag latest"]);
    let tags = shop.world.engine_tags("acme/api");
    let names: Vec<&str> = tags.keys().map(String::as_str).filter(|tag| !tag.starts_with("src-")).collect();
    let head = shop.head();
    let mut wanted = [head.as_str(), "latest", "main"];
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    assert_eq!(
        tags.values().collect::<std::collections::BTreeSet<_>>().len(),
        1,
        "all on one image: {tags:?}"
    );
}

#[tokio::test]
async fn nothing_to_do_asks_for_each_key_once_and_changes_nothing() {
    let shop = Shop::new();
    built(&shop, ImageRequest::default(), &mut Heard::default()).await;
    shop.world.log();
    built(&shop, ImageRequest::default(), &mut Heard::default()).await;
    let log = shop.world.log();
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(log.iter().all(|line| line.starts_with("inspect acme/") && line.contains(":src-")), "{log:?}");
}

#[tokio::test]
async fn a_foreign_image_under_a_key_is_not_taken_for_ours() {
    let shop = Shop::new();
    built(&shop, api(), &mut Heard::default()).await;
    let key = shop.world.engine_tags("acme/api").keys().find(|tag| tag.starts_with("src-")).cloned();
    let key = format!("acme/api:{}", key.expect("its key"));
    shop.world.forget_engine();
    shop.world.put_on_engine(&key, foreign());
    shop.world.log();
    built(&shop, api(), &mut Heard::default()).await;
    assert!(shop.world.changes()[0].starts_with(&format!("build {key}")));
    assert_eq!(shop.world.engine_tags("acme/api")["main"], 2);
}

#[tokio::test]
async fn a_commits_tag_that_names_something_else_stays() {
    let shop = Shop::new();
    let commit = shop.head();
    shop.world.put_on_engine(&format!("acme/api:{commit}"), foreign());
    let mut heard = Heard::default();
    built(&shop, api(), &mut heard).await;
    let tags = shop.world.engine_tags("acme/api");
    assert_eq!((tags[&commit], tags["main"]), (200, 1), "{tags:?}");
    assert!(heard.says(&commit), "{:?}", heard.0);
}

#[tokio::test]
async fn uncommitted_changes_get_no_tag_of_a_commit() {
    let shop = Shop::new();
    shop.repository.write("api/file", "changed");
    built(&shop, api(), &mut Heard::default()).await;
    let tags = shop.world.engine_tags("acme/api");
    let names: Vec<&String> = tags.keys().filter(|tag| !tag.starts_with("src-")).collect();
    assert_eq!(names, ["latest", "main"]);
}

#[tokio::test]
async fn what_a_registry_has_is_asked_for_only_if_that_is_wished() {
    let shop = Shop::new();
    built(&shop, api(), &mut Heard::default()).await;
    let log = shop.world.log();
    assert!(!log.iter().any(|line| line.starts_with("look")), "{log:?}");
    let key = shop.world.engine_tags("acme/api").keys().find(|tag| tag.starts_with("src-")).cloned();
    let key = format!("acme/api:{}", key.expect("its key"));
    shop.world.put_in_registry(&key, shop.world.on_engine(&key));
    shop.world.forget_engine();
    let request = BuildRequest { images: api(), pull_cache: true, ..BuildRequest::default() };
    let built = build(&shop.config(), &request, &mut ()).await.expect("begins");
    assert_eq!(built.ending, Ending::Done);
    let changes = shop.world.changes();
    let commit = format!("tag {}", shop.head());
    assert_eq!(short(&changes), [&short(&[format!("pull {key}")])[0], &commit, "tag main", "tag latest"]);
}
