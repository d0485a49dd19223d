use std::num::NonZeroUsize;

use super::scripted::Deletes;
use super::*;
use crate::ops::{Ending, RegistryPruneRequest, RegistryPruned, RegistryStep, prune_registry};

fn request() -> RegistryPruneRequest {
    RegistryPruneRequest {
        images: ImageRequest::default(),
        keep: NonZeroUsize::MIN,
        dead_branches: vec!["gone".to_owned()],
        unknown_commits: false,
    }
}

/// An image under the tag of a key that nothing needs, and further tags.
fn superseded(shop: &Shop, byte: &str, tags: &[&str]) -> String {
    let key = byte.repeat(32);
    let revision = shop.repository.git(["rev-parse", "HEAD"]);
    let number = u8::from_str_radix(byte, 16).expect("a number");
    let content = Content::new(number, &[(KEY_LABEL, &key), (REVISION_LABEL, &revision)]);
    let own = format!("src-{}", &key[..16]);
    for tag in tags.iter().copied().chain([own.as_str()]) {
        shop.world.put_in_registry(&format!("r.example/acme/api:{tag}"), content.clone());
    }
    own
}

/// A checkout whose images are at `r.example`.
fn shop(deletes: Deletes) -> Shop {
    let shop = Shop::new();
    shop.commit("shipwright.toml", "namespace = 'acme'\nregistry = 'r.example'\n");
    shop.world.let_delete(deletes);
    shop
}

async fn pruned(shop: &Shop, heard: &mut Heard) -> RegistryPruned {
    prune_registry(&shop.config(), &request(), heard, &mut |_| Ok(true)).await.expect("begins")
}

fn tags(shop: &Shop) -> Vec<String> {
    shop.world.registry_tags("r.example/acme/api").into_keys().collect()
}

/// What was deleted, in order.
fn deleted(shop: &Shop) -> Vec<String> {
    let log = shop.world.log();
    let name = |line: &String| line.strip_prefix("delete r.example/acme/api").map(str::to_owned);
    log.iter().filter_map(name).collect()
}

#[tokio::test]
async fn tags_go_alone_where_a_registry_deletes_them_then_the_key_s_then_the_manifest() {
    let shop = shop(Deletes::Tags);
    let own = superseded(&shop, "21", &["0123456789ab", "gone"]);
    let result = pruned(&shop, &mut Heard::default()).await;
    assert_eq!(result.ending, Ending::Done);
    let order = deleted(&shop);
    assert_eq!(order.len(), 4, "{order:?}");
    assert_eq!(order[2], format!(":{own}"));
    assert!(order[3].starts_with('@'), "{order:?}");
    assert_eq!(tags(&shop), Vec::<String>::new());
}

/// Somebody tags the image while its own tags go: the manifest stays.
#[tokio::test]
async fn a_tag_that_comes_while_tags_are_deleted_keeps_the_manifest() {
    let shop = shop(Deletes::Tags);
    let own = superseded(&shop, "21", &["gone"]);
    let content = shop.world.in_registry(&format!("r.example/acme/api:{own}"));
    let last = format!("delete r.example/acme/api:{own}");
    shop.world.meanwhile(&[&last], "r.example/acme/api:stable", content);
    pruned(&shop, &mut Heard::default()).await;
    assert_eq!(deleted(&shop).len(), 2, "two tags and no manifest");
    assert_eq!(tags(&shop), ["stable"]);
}

#[tokio::test]
async fn a_manifest_goes_by_its_digest_where_tags_do_not_go_alone() {
    let shop = shop(Deletes::Manifests);
    superseded(&shop, "21", &["0123456789ab"]);
    superseded(&shop, "22", &[]);
    pruned(&shop, &mut Heard::default()).await;
    let order = deleted(&shop);
    // It is asked once whether it deletes tags.
    assert_eq!(order.iter().filter(|name| name.starts_with(':')).count(), 1, "{order:?}");
    assert_eq!(order.iter().filter(|name| name.starts_with('@')).count(), 2, "{order:?}");
    assert_eq!(tags(&shop), Vec::<String>::new());
}

#[tokio::test]
async fn a_dead_branch_leaves_an_image_that_somebody_else_has_named() {
    for deletes in [Deletes::Tags, Deletes::Manifests] {
        let shop = shop(deletes);
        let own = superseded(&shop, "21", &["gone", "stable"]);
        let result = pruned(&shop, &mut Heard::default()).await;
        assert_eq!(result.ending, Ending::Done);
        let expected = if deletes == Deletes::Tags {
            vec![own, "stable".into()]
        } else {
            vec!["gone".into(), own, "stable".into()]
        };
        assert_eq!(tags(&shop), expected, "{deletes:?}");
    }
}

/// Somebody pushes a tag to the image between the decision and the deletion.
#[tokio::test]
async fn a_tag_that_comes_meanwhile_keeps_the_image() {
    for (deletes, tag) in
        [(Deletes::Manifests, "main"), (Deletes::Tags, "main"), (Deletes::Manifests, "ba9876543210")]
    {
        let shop = shop(deletes);
        let own = superseded(&shop, "21", &[]);
        let content = shop.world.in_registry(&format!("r.example/acme/api:{own}"));
        // The configuration is the last thing that is asked before it is decided; then the tags are listed again.
        let (config, list) = ("config r.example/acme/api", "list tags r.example/acme/api");
        shop.world.meanwhile(&[config, list], &format!("r.example/acme/api:{tag}"), content);
        let mut heard = Heard::default();
        let result = pruned(&shop, &mut heard).await;
        assert!(heard.says(&format!("{tag} was put on it")), "{:?}", heard.0);
        assert_eq!(deleted(&shop), Vec::<String>::new());
        assert_eq!(result.removed.map(|it| it.tags), Some(0));
        assert!(!result.steps.iter().any(RegistryStep::removes_any), "{:?}", result.steps);
        assert_eq!(tags(&shop).len(), 2);
    }
}

/// The tag of the key comes to stand on something else: that is not what was decided about.
#[tokio::test]
async fn a_tag_that_moves_meanwhile_stays() {
    let shop = shop(Deletes::Tags);
    let own = superseded(&shop, "21", &[]);
    let list = "list tags r.example/acme/api";
    shop.world.meanwhile(
        &["config r.example/acme/api", list],
        &format!("r.example/acme/api:{own}"),
        foreign(),
    );
    let mut heard = Heard::default();
    pruned(&shop, &mut heard).await;
    assert!(heard.says("since it was looked at"), "{:?}", heard.0);
    assert_eq!(deleted(&shop), Vec::<String>::new());
}

#[tokio::test]
async fn a_registry_that_deletes_nothing_is_asked_no_more_than_that() {
    let shop = shop(Deletes::Nothing);
    superseded(&shop, "21", &[]);
    superseded(&shop, "22", &[]);
    let mut heard = Heard::default();
    let result = pruned(&shop, &mut heard).await;
    assert_eq!(result.ending, Ending::Registry);
    assert_eq!(deleted(&shop).len(), 2, "a tag, then its manifest");
    assert_eq!(tags(&shop).len(), 2);
    assert!(result.steps.iter().all(|step| !step.removes_any()));
}

#[tokio::test]
async fn a_registry_that_does_not_answer_ends_it_before_anything_goes() {
    let shop = shop(Deletes::Manifests);
    superseded(&shop, "21", &[]);
    shop.world.silence("r.example/acme/api");
    let error = prune_registry(&shop.config(), &request(), &mut Heard::default(), &mut |_| Ok(true)).await;
    assert_eq!(error.expect_err("no answer").ending(), Ending::Registry);
    assert_eq!(deleted(&shop), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_goes_where_whoever_is_asked_does_not_agree() {
    let shop = shop(Deletes::Manifests);
    superseded(&shop, "21", &[]);
    let mut shown = 0;
    let mut refuses = |steps: &[RegistryStep]| {
        shown = steps.iter().filter(|step| step.removes_any()).count();
        Ok(false)
    };
    let result = prune_registry(&shop.config(), &request(), &mut Heard::default(), &mut refuses).await;
    assert_eq!(result.expect("begins").removed, None);
    assert_eq!((shown, deleted(&shop).len()), (1, 0));
}
