use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::ops::{
    Creation, DeployRequest, Deployed, Ending, Moving, ProjectDeployed, ProjectRequest, RollbackRequest,
    deploy, deploy_project, rollback,
};

fn moving() -> Moving {
    Moving { grace: Duration::ZERO, ..Moving::default() }
}

fn request(image: &str) -> DeployRequest {
    DeployRequest {
        container: "shop-web".to_owned(),
        image: Some(image.to_owned()),
        create: None,
        pull: false,
        images: ImageRequest::default(),
        building: crate::ops::Building::default(),
        moving: moving(),
    }
}

/// A shop in which two images of others are at hand, and a container of the first runs.
fn running() -> Shop {
    let shop = Shop::new();
    shop.world.put_on_engine("proxy:1", Content::new(101, &[]));
    shop.world.put_on_engine("proxy:2", Content::new(102, &[]));
    let first = id(&shop, "proxy:1");
    shop.world.containers.put("shop-web", &first, "proxy:1", &json!({}));
    shop
}

fn id(shop: &Shop, name: &str) -> String {
    shop.world.on_engine(name).digest().to_string()
}

/// The steps that were taken, without what happens to images.
fn steps(shop: &Shop) -> Vec<String> {
    let is_step = |line: &String| !line.starts_with("build ") && !line.starts_with("tag ");
    shop.world.changes().into_iter().filter(is_step).collect()
}

fn runs(shop: &Shop, name: &str) -> String {
    let list = shop.world.containers.list();
    let found = list.iter().find(|(own, ..)| own == name).expect("a container");
    assert!(found.2, "{list:?}");
    found.1.clone()
}

async fn deployed(shop: &Shop, request: &DeployRequest, heard: &mut Heard) -> Deployed {
    deploy(&shop.config(), request, heard).await.expect("begins")
}

#[tokio::test]
async fn the_old_one_is_there_until_the_new_one_is_up() {
    let shop = running();
    let done = deployed(&shop, &request("proxy:2"), &mut Heard::default()).await;
    assert!(matches!(done, Deployed::Done(_)), "{done:?}");
    assert_eq!(
        steps(&shop),
        [
            "create shop-web.shipwright-lock",
            "create shop-web.shipwright-new",
            "stop shop-web",
            "rename shop-web shop-web.shipwright-old",
            "rename shop-web.shipwright-new shop-web",
            "start shop-web",
            "rename shop-web.shipwright-old shop-web.shipwright-done",
            "name proxy:previous",
            "name proxy:current",
            "remove shop-web.shipwright-done",
            "remove shop-web.shipwright-lock",
        ]
    );
    // The same again asks and changes nothing.
    let done = deployed(&shop, &request("proxy:2"), &mut Heard::default()).await;
    assert!(matches!(done, Deployed::Unchanged(_)) && steps(&shop).is_empty(), "{done:?}");
    let back = RollbackRequest { container: "shop-web".to_owned(), moving: moving() };
    let done = rollback(&shop.config(), &back, &mut Heard::default()).await.expect("begins");
    assert!(matches!(done, Deployed::Done(_)), "{done:?}");
    assert_eq!(runs(&shop, "shop-web"), id(&shop, "proxy:1"));
}

#[tokio::test]
async fn one_that_ends_is_taken_back() {
    let shop = running();
    shop.world.containers.breaks("shop-web");
    let mut heard = Heard::default();
    let done = deployed(&shop, &request("proxy:2"), &mut heard).await;
    assert_eq!(done, Deployed::Failed(Ending::Failed));
    assert!(heard.says("exit code 7"), "{:?}", heard.0);
    assert_eq!(
        steps(&shop)[5..],
        [
            "start shop-web",
            "remove shop-web",
            "rename shop-web.shipwright-old shop-web",
            "start shop-web",
            "remove shop-web.shipwright-lock",
        ]
    );
    assert_eq!(runs(&shop, "shop-web"), id(&shop, "proxy:1"));
}

#[tokio::test]
async fn what_is_only_shown_asks_for_nothing_to_be_changed() {
    let shop = running();
    let shown =
        |image: &str| DeployRequest { moving: Moving { dry_run: true, ..moving() }, ..request(image) };
    let there = deployed(&shop, &shown("proxy:2"), &mut Heard::default()).await;
    assert!(matches!(there, Deployed::Difference(..)), "{there:?}");
    for (image, how) in [("web", "pulled, or built"), ("proxy:3", "pulled")] {
        match deployed(&shop, &shown(image), &mut Heard::default()).await {
            Deployed::Later(_, later) => assert_eq!((later.from.as_str(), later.how), ("proxy:1", how)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(shop.world.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_container_of_others_is_not_taken_for_one_of_a_short_name() {
    let shop = running();
    shop.world.put_on_engine("web:1", Content::new(103, &[]));
    shop.world.containers.put("others", &id(&shop, "web:1"), "web:1", &json!({}));
    let again = DeployRequest { container: "others".to_owned(), image: None, ..request("") };
    let done = deployed(&shop, &again, &mut Heard::default()).await;
    assert!(matches!(done, Deployed::Unchanged(_)), "acme/web is another image than web: {done:?}");
}

#[tokio::test]
async fn one_that_is_made_the_first_time_has_the_same_steps_without_an_old_one() {
    let shop = running();
    let create = |name: &str| DeployRequest {
        container: name.to_owned(),
        create: Some(Creation {
            request: json!({"HostConfig": {}}),
            connect: vec![("back".to_owned(), json!({}))],
        }),
        ..request("proxy:2")
    };
    let done = deployed(&shop, &create("fresh"), &mut Heard::default()).await;
    assert!(matches!(done, Deployed::Done(_)), "{done:?}");
    assert_eq!(
        steps(&shop),
        [
            "create fresh.shipwright-lock",
            "create fresh.shipwright-new",
            "connect to back",
            "rename fresh.shipwright-new fresh",
            "start fresh",
            "create fresh.shipwright-done",
            "name proxy:current",
            "remove fresh.shipwright-done",
            "remove fresh.shipwright-lock",
        ]
    );
    let error = deploy(&shop.config(), &create("fresh"), &mut ()).await.expect_err("it is there");
    assert!(message(error).contains("already"));
    shop.world.containers.breaks("broken");
    let done = deployed(&shop, &create("broken"), &mut Heard::default()).await;
    assert_eq!(done, Deployed::Failed(Ending::Failed));
    assert!(
        steps(&shop).ends_with(&["remove broken".to_owned(), "remove broken.shipwright-lock".to_owned()])
    );
}

/// A shop with a project of two services of its own, and one of others.
fn project() -> Shop {
    let shop = running();
    for name in ["api", "web"] {
        let image = format!("acme/{name}:old");
        shop.world.put_on_engine(&image, Content::new(if name == "api" { 111 } else { 112 }, &[]));
        shop.world.containers.put(&format!("p-{name}-1"), &id(&shop, &image), &image, &labels(name));
    }
    shop.world.containers.put("p-db-1", &id(&shop, "proxy:1"), "proxy:1", &labels("db"));
    shop
}

fn labels(service: &str) -> Value {
    let depends_on = if service == "api" { "web:service_started:false" } else { "" };
    json!({"com.docker.compose.project": "p", "com.docker.compose.service": service,
        "com.docker.compose.depends_on": depends_on})
}

async fn project_moved(shop: &Shop, heard: &mut Heard) -> ProjectDeployed {
    let request = ProjectRequest {
        project: "p".to_owned(),
        images: ImageRequest::default(),
        building: crate::ops::Building::default(),
        moving: moving(),
    };
    deploy_project(&shop.config(), &request, heard).await.expect("begins")
}

#[tokio::test]
async fn of_a_project_what_others_need_is_moved_first() {
    let shop = project();
    let done = project_moved(&shop, &mut Heard::default()).await;
    assert_eq!((done.ending, done.parts.len()), (Ending::Done, 2), "{done:?}");
    let steps = steps(&shop);
    let started: Vec<&String> = steps.iter().filter(|step| step.starts_with("start ")).collect();
    // The labels say so, although web is built on api.
    assert_eq!(started, ["start p-web-1", "start p-api-1"]);
    assert_eq!(runs(&shop, "p-db-1"), id(&shop, "proxy:1"));
}

#[tokio::test]
async fn of_a_project_all_or_none_is_moved() {
    let shop = project();
    shop.world.containers.breaks("p-api-1");
    let mut heard = Heard::default();
    let done = project_moved(&shop, &mut heard).await;
    assert_eq!((done.ending, done.parts.len()), (Ending::Failed, 0), "{done:?}");
    assert!(heard.says("p is not moved"), "{:?}", heard.0);
    assert_eq!(runs(&shop, "p-web-1"), id(&shop, "acme/web:old"));
    assert_eq!(runs(&shop, "p-api-1"), id(&shop, "acme/api:old"));
    assert_eq!(shop.world.containers.list().len(), 4, "{:?}", shop.world.containers.list());
}

#[tokio::test]
async fn a_project_that_is_not_there_is_told_from_those_that_are() {
    let shop = project();
    let request = ProjectRequest {
        project: "q".to_owned(),
        images: ImageRequest::default(),
        building: crate::ops::Building::default(),
        moving: moving(),
    };
    let error = deploy_project(&shop.config(), &request, &mut ()).await.expect_err("there is none");
    assert_eq!(error.ending(), Ending::Wrong);
    assert!(format!("{:?}", error.into_findings()).contains("there are p"));
    assert_eq!(shop.world.changes(), Vec::<String>::new());
}
