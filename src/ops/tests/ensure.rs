use super::*;
use crate::ops::{Ending, EnsureRequest, Ensured, RemotePolicy, ensure};

fn request(remote: RemotePolicy) -> EnsureRequest {
    EnsureRequest { names: vec!["web".into()], remote, ..EnsureRequest::default() }
}

async fn ensured(shop: &Shop, remote: RemotePolicy) -> String {
    match ensure(&shop.config(), &request(remote), &mut ()).await.expect("begins") {
        Ensured::There(references) => {
            references.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        Ensured::Missing(ending) => panic!("{ending:?}"),
    }
}

/// A shop whose registry has the images of this checkout, and whose engine has none.
async fn published() -> Shop {
    let shop = Shop::new();
    ensured(&shop, RemotePolicy::Push).await;
    shop.world.forget_engine();
    shop.world.log();
    shop
}

#[tokio::test]
async fn registries_are_asked_before_anything_is_built() {
    let shop = Shop::new();
    let reference = ensured(&shop, RemotePolicy::Pull).await;
    let log = shop.world.log();
    let looked = log.iter().rposition(|line| line.starts_with("look ")).expect("registries are asked");
    let built = log.iter().position(|line| line.starts_with("build ")).expect("it is built");
    assert!(looked < built, "{log:?}");
    assert!(log.contains(&format!("look {reference}")), "{log:?}");
    // Both images are made, and get no name but their keys' and their commits'.
    let moving: Vec<_> = log.iter().filter(|line| line.starts_with("tag ")).collect();
    assert_eq!(moving, Vec::<&String>::new());
    for repository in ["acme/api", "acme/web"] {
        let tags = shop.world.engine_tags(repository);
        assert!(tags.keys().all(|tag| tag.starts_with("src-") || *tag == shop.head()), "{tags:?}");
    }
}

#[tokio::test]
async fn what_is_here_is_asked_of_no_registry() {
    let shop = Shop::new();
    ensured(&shop, RemotePolicy::Pull).await;
    shop.world.log();
    ensured(&shop, RemotePolicy::Pull).await;
    let log = shop.world.log();
    assert!(log.iter().all(|line| line.starts_with("inspect ")), "{log:?}");
}

#[tokio::test]
async fn what_a_registry_has_is_pulled_without_what_it_is_built_from() {
    let shop = published().await;
    let reference = ensured(&shop, RemotePolicy::Pull).await;
    let changes = shop.world.changes();
    assert_eq!(changes[0], format!("pull {reference}"));
    assert!(
        !changes.iter().any(|line| line.starts_with("build ") || line.contains("acme/api")),
        "{changes:?}"
    );
    assert!(shop.world.engine_tags("acme/api").is_empty());
}

#[tokio::test]
async fn a_registry_that_is_to_be_left_alone_is() {
    let shop = published().await;
    ensured(&shop, RemotePolicy::None).await;
    let log = shop.world.log();
    assert!(!log.iter().any(|line| line.starts_with("look ") || line.starts_with("pull ")), "{log:?}");
    assert!(log.iter().any(|line| line.starts_with("build acme/web:")), "{log:?}");
}

#[tokio::test]
async fn a_foreign_image_in_the_way_is_an_error_and_nothing_is_built() {
    let shop = published().await;
    let reference = shop.world.registry_tags("acme/web").into_keys().find(|tag| tag.starts_with("src-"));
    let reference = format!("acme/web:{}", reference.expect("its key"));
    shop.world.put_in_registry(&reference, foreign());
    let error = ensure(&shop.config(), &request(RemotePolicy::Pull), &mut ()).await.expect_err("refused");
    assert_eq!(error.ending(), Ending::Registry);
    assert!(message(error).contains("is not an image of Shipwright's"));
    assert_eq!(shop.world.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_registry_that_does_not_answer_only_costs_a_build() {
    let shop = published().await;
    shop.world.silence("acme/web");
    let mut heard = Heard::default();
    let ensured = ensure(&shop.config(), &request(RemotePolicy::Pull), &mut heard).await.expect("begins");
    assert!(matches!(ensured, Ensured::There(_)));
    assert!(heard.says("what it may have is built instead"), "{:?}", heard.0);
    let changes = shop.world.changes();
    // Its base is in the registry, and is pulled for it.
    assert!(changes[0].starts_with("pull acme/api:src-"), "{changes:?}");
    assert!(changes.iter().any(|line| line.starts_with("build acme/web:src-")), "{changes:?}");
}

#[tokio::test]
async fn what_is_pushed_gets_no_tag_that_moves() {
    let shop = Shop::new();
    shop.world.put_in_registry("acme/web:main", of_commit(&"1".repeat(40)));
    ensured(&shop, RemotePolicy::All).await;
    let tags = shop.world.registry_tags("acme/web");
    assert_eq!(tags["main"], 201, "{tags:?}");
    assert!(!tags.contains_key("latest") && tags.contains_key(&shop.head()), "{tags:?}");
    assert!(
        shop.world.registry_tags("acme/api").keys().any(|tag| tag.starts_with("src-")),
        "what was built for it"
    );
}
