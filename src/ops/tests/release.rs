use super::*;
use crate::ops::{Ending, ReleaseRequest, Released, release};

fn request(version: &str, names: &[&str]) -> ReleaseRequest {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    ReleaseRequest { version: version.to_owned(), names, ..ReleaseRequest::default() }
}

async fn released(shop: &Shop, request: &ReleaseRequest) -> Result<Released, String> {
    let mut heard = Heard::default();
    match release(&shop.config(), request, &mut heard).await {
        Ok(released) if released.ending == Ending::Done => Ok(released),
        Ok(_) => Err(heard.0.join("\n")),
        Err(error) => Err(format!("{}\n{}", message(error), heard.0.join("\n"))),
    }
}

fn dockerfile(shop: &Shop) -> String {
    std::fs::read_to_string(shop.repository.path("web/Dockerfile")).expect("a Dockerfile")
}

#[tokio::test]
async fn versions_come_after_all_content_and_files_last() {
    let shop = Shop::new();
    shop.commit(
        "web/Dockerfile",
        "FROM acme/api:0.9 AS old\nFROM acme/api\nCOPY --from=old /file /old\nCOPY page /\n",
    );
    shop.world.put_in_registry("acme/api:0.9", foreign());
    let done = released(&shop, &request("1.0.0", &["api", "web"])).await.expect("released");
    let changes = shop.world.changes();
    let at = |begin: &str| changes.iter().position(|line| line.starts_with(begin)).unwrap_or(usize::MAX);
    let last_push = changes.iter().rposition(|line| line.starts_with("push ")).expect("pushed");
    assert!(last_push < at("put acme/api:1.0.0") && last_push < at("put acme/web:1.0.0"), "{changes:?}");
    assert!(at("put acme/web:1.0.0") < at("tag acme/api:1.0.0"), "{changes:?}");
    assert!(!changes.iter().any(|line| line.ends_with(":latest") || line.ends_with(":main")), "{changes:?}");
    assert!(dockerfile(&shop).starts_with("FROM acme/api:1.0.0 AS old\nFROM acme/api\n"));
    assert_eq!(done.rebuilt, ["acme/web"]);
    assert_eq!(done.images[0].remote.len(), 1);

    // The same content again changes nothing.
    let again = released(&shop, &request("1.0.0", &["api"])).await.expect("already");
    assert!(again.images[0].local.was_there && again.images[0].remote[0].was_there && again.edits.is_empty());
    assert_eq!(shop.world.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_version_of_another_key_stops_it_before_anything_changes() {
    let shop = Shop::new();
    shop.commit("web/Dockerfile", "FROM acme/api:0.9\nCOPY page /\n");
    let before = dockerfile(&shop);
    for other in [of_commit(&"1".repeat(40)), foreign()] {
        shop.world.put_in_registry("acme/web:1.0.0", other.clone());
        let said = released(&shop, &request("1.0.0", &["api", "web"])).await.expect_err("taken");
        assert!(said.contains("acme/web:1.0.0 is there already"), "{said}");
        assert_eq!(shop.world.changes(), Vec::<String>::new());
        let fresh = Shop::new();
        fresh.world.put_on_engine("acme/api:1.0.0", other);
        let said = released(&fresh, &request("1.0.0", &["api"])).await.expect_err("taken");
        assert!(said.contains("acme/api:1.0.0 is there already"), "{said}");
        assert_eq!(fresh.world.changes(), Vec::<String>::new());
    }
    assert_eq!(dockerfile(&shop), before);
}

#[tokio::test]
async fn a_version_that_somebody_takes_meanwhile_stays_theirs() {
    let shop = Shop::new();
    shop.commit("web/Dockerfile", "FROM acme/api:0.9\nCOPY page /\n");
    let look = "look acme/api:1.0.0";
    shop.world.meanwhile(&[look, look], "acme/api:1.0.0", of_commit(&"1".repeat(40)));
    let said = released(&shop, &request("1.0.0", &["api"])).await.expect_err("taken");
    assert!(said.contains("acme/api:1.0.0 is there already"), "{said}");
    assert_eq!(shop.world.registry_tags("acme/api")["1.0.0"], 201);
    assert!(!shop.world.engine_tags("acme/api").contains_key("1.0.0"));
    assert!(dockerfile(&shop).starts_with("FROM acme/api:0.9\n"));
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_tells_all() {
    let shop = Shop::new();
    shop.commit("web/Dockerfile", "FROM acme/api:0.9\nCOPY page /\n");
    let before = dockerfile(&shop);
    let request = ReleaseRequest { dry_run: true, ..request("1.0.0", &["api"]) };
    let would = released(&shop, &request).await.expect("told");
    assert_eq!(shop.world.changes(), Vec::<String>::new());
    assert_eq!((dockerfile(&shop), would.rebuilt), (before, vec!["acme/web".to_owned()]));
    assert_eq!(would.edits[0].lines[0].after, "FROM acme/api:1.0.0");
}

#[tokio::test]
async fn what_is_no_version_or_not_committed_is_refused() {
    let shop = Shop::new();
    for (version, said) in [
        ("latest", "is not a version"),
        ("src-0123456789abcdef", "is not a version"),
        ("main", "is not a version"),
        ("1.0+2", "is not a tag"),
        ("123456789012", "is not a version"),
    ] {
        let error = released(&shop, &request(version, &["api"])).await.expect_err(version);
        assert!(error.contains(said), "{version}: {error}");
    }
    shop.repository.git(["branch", "2.0"]);
    let error = released(&shop, &request("2.0", &["api"])).await.expect_err("a branch");
    assert!(error.contains("is the tag of the branch 2.0"), "{error}");
    shop.repository.write("api/file", "2");
    let error = released(&shop, &request("1.0", &["api"])).await.expect_err("dirty");
    assert!(error.contains("uncommitted changes are in acme/api: api/file"), "{error}");
    let dirty = ReleaseRequest { allow_dirty: true, prefix: Some("base".into()), ..request("1.0", &["api"]) };
    released(&shop, &dirty).await.expect("allowed");
    assert!(shop.world.registry_tags("acme/api").contains_key("base-1.0"));
}
