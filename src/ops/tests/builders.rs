//! Pushes without an engine, by builders that stand alone.

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::*;
use crate::builder::{
    BuildError, BuildEvent, BuildSpec, Builder, BuilderAddress, BuilderError, BuilderPlatforms, Extras,
    RemoteBuilder,
};
use crate::engine::{BuilderKind, LocalImageId};
use crate::image::Platform;
use crate::ops::{BuildRequest, BuilderChoice, Ending, PushRequest, push};

/// What a builder is like stands in its address.
pub(super) struct Remote {
    world: Arc<World>,
    address: String,
    platforms: BuilderPlatforms,
}

impl Remote {
    pub(super) fn at(
        world: &Arc<World>,
        address: &BuilderAddress,
    ) -> Result<Arc<dyn RemoteBuilder>, BuilderError> {
        let address = address.to_string();
        if address.contains("gone") {
            let (reason, hint) = ("connection refused".to_owned(), "start it".to_owned());
            return Err(BuilderError::NoAnswer { address, reason, hint, may_pass: true });
        }
        let texts: &[&str] =
            if address.contains("arm") { &["linux/arm64"] } else { &["linux/amd64", "linux/s390x"] };
        let platforms = texts.iter().map(|text| text.parse().expect("a platform")).collect();
        let platforms = BuilderPlatforms::of(platforms).expect("some");
        Ok(Arc::new(Self { world: Arc::clone(world), address, platforms }))
    }
}

#[async_trait]
impl Builder for Remote {
    fn platform(&self) -> &Platform {
        self.platforms.own()
    }

    fn kind(&self) -> BuilderKind {
        BuilderKind::BuildKit
    }

    async fn check(&self, _: &Extras) -> Result<(), BuildError> {
        Ok(())
    }

    async fn build(
        &self,
        request: BuildSpec,
        _: mpsc::Sender<BuildEvent>,
    ) -> Result<LocalImageId, BuildError> {
        let message = "exit code: 1".to_owned();
        match &self.address {
            it if it.contains("dies") => Err(BuildError::Connection("connection reset".to_owned())),
            it if it.contains("fails") && request.labels["io.shipwright.dockerfile"].starts_with("web/") => {
                Err(BuildError::Failed { message, line: None, log: Vec::new(), hint: None })
            }
            it => Ok(self.world.built_by(it, request)),
        }
    }
}

#[async_trait]
impl RemoteBuilder for Remote {
    fn address(&self) -> String {
        self.address.clone()
    }

    fn platforms(&self) -> &BuilderPlatforms {
        &self.platforms
    }

    async fn answers(&self) -> Result<(), String> {
        if self.address.contains("dies") { Err("connection refused".to_owned()) } else { Ok(()) }
    }
}

fn with_builders(shop: &Shop, addresses: &[&str]) -> Config {
    let named = addresses.iter().map(ToString::to_string).collect();
    Config { builders: BuilderChoice { named, ..BuilderChoice::default() }, ..shop.config() }
}

async fn pushed(config: &Config, request: &PushRequest) -> (Result<Ending, String>, Heard) {
    let mut heard = Heard::default();
    let ended = push(config, request, &mut heard).await.map_err(message);
    (ended, heard)
}

async fn pushed_to(shop: &Shop, addresses: &[&str]) -> (Result<Ending, String>, Heard) {
    pushed(&with_builders(shop, addresses), &PushRequest::default()).await
}

/// Without what only asks.
fn changes(shop: &Shop) -> Vec<String> {
    let log = shop.world.log().into_iter();
    log.filter(|line| line.contains(" builds ") || line.starts_with("put ")).collect()
}

#[tokio::test]
async fn dependents_are_built_from_what_was_pushed_by_digest_and_tags_follow() {
    let shop = Shop::new();
    assert_eq!(pushed_to(&shop, &["unix:///b"]).await.0, Ok(Ending::Done));
    let log = shop.world.log();
    assert!(log.iter().all(|line| !line.starts_with("inspect") && !line.starts_with("build ")), "{log:?}");
    let changed: Vec<&String> =
        log.iter().filter(|line| line.contains(" builds ") || line.starts_with("put ")).collect();
    assert!(changed[0].starts_with("unix:///b builds acme/api:src-"), "{changed:?}");
    assert!(
        changed[0].ends_with(" FROM scratch") && changed[0].matches("acme/").count() == 1,
        "by its key alone"
    );
    let digest = "01".repeat(32);
    assert!(changed[1].starts_with("unix:///b builds acme/web:src-"), "{changed:?}");
    assert!(changed[1].ends_with(&format!(" FROM acme/api@sha256:{digest}")), "{changed:?}");
    let head = shop.head();
    let puts: Vec<String> = changed[2..].iter().map(|line| (*line).clone()).collect();
    for name in ["api", "web"] {
        for tag in [&head, "main", "latest"] {
            assert!(puts.contains(&format!("put acme/{name}:{tag}")), "{puts:?}");
        }
        assert_eq!(shop.world.registry_tags(&format!("acme/{name}")).len(), 4);
    }
    assert_eq!(pushed_to(&shop, &["unix:///b"]).await.0, Ok(Ending::Done));
    assert_eq!(changes(&shop), [] as [String; 0], "nothing is done twice");
}

#[tokio::test]
async fn what_the_registry_has_is_built_on_and_not_built() {
    let shop = Shop::new();
    pushed_to(&shop, &["unix:///b"]).await.0.expect("pushed");
    shop.commit("web/page", "2");
    changes(&shop);
    assert_eq!(pushed_to(&shop, &["unix:///b"]).await.0, Ok(Ending::Done));
    let changed = changes(&shop);
    let built: Vec<&String> = changed.iter().filter(|line| line.contains(" builds ")).collect();
    assert_eq!(built.len(), 1, "{changed:?}");
    assert!(built[0].contains("acme/web:src-"), "{changed:?}");
    assert!(built[0].ends_with(&format!("FROM acme/api@sha256:{}", "01".repeat(32))), "{changed:?}");
    // The dependency that is left out is in the registry.
    shop.commit("web/page", "3");
    let selector = Selector { exact: vec!["web".into()], ..Selector::default() };
    let images = ImageRequest { selector, ..ImageRequest::default() };
    let request =
        PushRequest { build: BuildRequest { images, ..BuildRequest::default() }, ..PushRequest::default() };
    assert_eq!(pushed(&with_builders(&shop, &["unix:///b"]), &request).await.0, Ok(Ending::Done));
}

#[tokio::test]
async fn a_failed_build_moves_no_tag() {
    let shop = Shop::new();
    assert_eq!(pushed_to(&shop, &["unix:///fails"]).await.0, Ok(Ending::Failed));
    assert!(changes(&shop).iter().all(|line| !line.starts_with("put ")));
    assert_eq!(shop.world.registry_tags("acme/api").len(), 1, "its key: the next run finds it");
}

#[tokio::test(start_paused = true)]
async fn builders_that_go_are_replaced_until_none_is_left() {
    let shop = Shop::new();
    let (ended, heard) = pushed_to(&shop, &["unix:///dies-1", "unix:///dies-2", "unix:///b"]).await;
    assert_eq!(ended, Ok(Ending::Done), "{:?}", heard.0);
    assert_eq!(shop.world.registry_tags("acme/web").len(), 4);

    let shop = Shop::new();
    let (ended, heard) = pushed_to(&shop, &["unix:///dies-1", "unix:///dies-2"]).await;
    assert_eq!(ended, Ok(Ending::Failed));
    assert!(heard.says("the builder unix:///dies-1 is lost: connection refused"), "{:?}", heard.0);
    assert_eq!(changes(&shop), [] as [String; 0]);
}

#[tokio::test]
async fn those_that_do_not_answer_are_named_and_the_others_build() {
    let shop = Shop::new();
    let (ended, heard) = pushed_to(&shop, &["unix:///gone", "unix:///b"]).await;
    assert_eq!(ended, Ok(Ending::Done));
    assert!(heard.says("no builder answers at unix:///gone: connection refused; the others build"));
    let error = pushed_to(&shop, &["unix:///gone-1", "unix:///gone-2"]).await.0.expect_err("none");
    assert!(error.contains("gone-1: connection refused") && error.contains("gone-2"), "{error}");
}

#[tokio::test]
async fn settings_name_builders_but_nobody_unknown() {
    let shop = Shop::new();
    let settings = |line: &str| {
        let text = format!("namespace = \"acme\"\nregistry = \"docker.io\"\n{line}\n");
        shop.commit("shipwright.toml", &text);
    };
    settings("builders = [\"unix:///run/b\"]");
    assert_eq!(pushed(&shop.config(), &PushRequest::default()).await.0, Ok(Ending::Done));
    assert!(changes(&shop).iter().any(|line| line.starts_with("unix:///run/b builds ")));
    settings("builders = [\"tcp://b.example:1234\"]");
    let error = pushed(&shop.config(), &PushRequest::default()).await.0.expect_err("refused");
    assert!(error.contains("a checkout cannot vouch for one"), "{error}");
    let told = with_builders(&shop, &["tcp://b.example:1234"]);
    assert_eq!(pushed(&told, &PushRequest::default()).await.0, Ok(Ending::Done), "the user may name it");
    changes(&shop);
    shop.commit("api/file", "2");
    assert_eq!(pushed(&with_builders(&shop, &["engine"]), &PushRequest::default()).await.0, Ok(Ending::Done));
    assert!(changes(&shop).iter().all(|line| !line.contains(" builds ")), "the engine builds");
}

#[tokio::test]
async fn platforms_are_looked_at_before_anything_begins() {
    let shop = Shop::new();
    let with = |platform: &str| {
        let choices = crate::settings::Choices {
            platform: Some(platform.parse().expect("a platform")),
            ..crate::settings::Choices::default()
        };
        let images = ImageRequest { choices, ..ImageRequest::default() };
        PushRequest { build: BuildRequest { images, ..BuildRequest::default() }, ..PushRequest::default() }
    };
    let config = with_builders(&shop, &["unix:///b", "unix:///arm"]);
    let (ended, _) = pushed(&config, &with("linux/riscv64")).await;
    let error = ended.expect_err("nobody can");
    assert!(error.contains("no builder builds for linux/riscv64, as acme/api, acme/web want"), "{error}");
    assert_eq!(changes(&shop), [] as [String; 0]);
    // The registry of these tests knows one platform, so that what was built is not what it says: that is another test's.
    let (_, heard) = pushed(&config, &with("linux/s390x")).await;
    assert!(heard.says("an emulator builds acme/api, acme/web"), "{:?}", heard.0);
    changes(&shop);
    shop.commit("api/file", "arm");
    let _ = pushed(&config, &with("linux/arm64")).await;
    let changed = changes(&shop);
    let built: Vec<&String> = changed.iter().filter(|line| line.contains(" builds ")).collect();
    assert!(!built.is_empty() && built.iter().all(|line| line.starts_with("unix:///arm")), "{changed:?}");
}

#[tokio::test]
async fn what_builders_cannot_do_is_refused() {
    let shop = Shop::new();
    let config = Config { builders: with_builders(&shop, &["unix:///b"]).builders, ..shop.config_of_fork() };
    let error = pushed(&config, &PushRequest::default()).await.0.expect_err("no login");
    assert!(error.contains("this job may not: there are no credentials for docker.io"), "{error}");
    assert_eq!(changes(&shop), [] as [String; 0]);
    // What one registry has and another lacks would be built twice.
    let shop = Shop::new();
    pushed_to(&shop, &["unix:///b"]).await.0.expect("pushed");
    shop.commit("shipwright.toml", "namespace = \"acme\"\nregistry = [\"docker.io\", \"other.example\"]\n");
    changes(&shop);
    let error = pushed_to(&shop, &["unix:///b"]).await.0.expect_err("half of it is there");
    assert!(error.contains("builders do not copy from one registry to another"), "{error}");
    assert_eq!(changes(&shop), [] as [String; 0]);
}
