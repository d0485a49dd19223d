use super::*;
use crate::ops::{BaseNews, Ending, LockPurpose, LockRequest, LockTotal, Locked, lock};

const ONE: &str = "quay.io/os/one:1";
const TWO: &str = "quay.io/os/two:2";

/// A checkout of two images on two bases.
fn shop() -> Shop {
    let shop = Shop::new();
    shop.repository.write("api/Dockerfile", format!("FROM {ONE}\nCOPY file /\n"));
    shop.repository.write("web/Dockerfile", format!("FROM {TWO}\nCOPY page /\n"));
    shop.repository.commit("bases");
    shop.world.put_in_registry(ONE, Content::new(11, &[]));
    shop.world.put_in_registry(TWO, Content::new(12, &[]));
    shop
}

async fn locked(shop: &Shop, purpose: LockPurpose) -> Locked {
    let request = LockRequest { purpose, ..LockRequest::default() };
    lock(&shop.config(), &request, &mut ()).await.expect("begins")
}

fn file(shop: &Shop) -> String {
    std::fs::read_to_string(shop.repository.path("shipwright.lock")).unwrap_or_default()
}

fn digest(number: u8) -> String {
    Content::new(number, &[]).digest().to_string()
}

#[tokio::test]
async fn each_base_is_asked_for_once_and_no_more_when_it_is_locked() {
    let shop = shop();
    let first = locked(&shop, LockPurpose::Add).await;
    assert_eq!((first.ending, first.news.len()), (Ending::Done, 2));
    let mut log = shop.world.log();
    log.sort();
    assert_eq!(log, [format!("head {ONE}"), format!("head {TWO}")]);
    assert!(file(&shop).contains(&digest(11)) && file(&shop).contains(&digest(12)));
    let second = locked(&shop, LockPurpose::Add).await;
    assert_eq!(second.total, LockTotal::Written { wanted: 2, new: 0, moved: 0, dropped: 0, kept: 2 });
    assert_eq!(shop.world.log(), Vec::<String>::new());
}

#[tokio::test]
async fn a_base_that_moved_is_told_by_a_check_and_written_by_an_update() {
    let shop = shop();
    locked(&shop, LockPurpose::Add).await;
    let before = file(&shop);
    shop.world.put_in_registry("quay.io/os/one:old", Content::new(11, &[]));
    shop.world.put_in_registry(ONE, Content::new(21, &[]));
    let checked = locked(&shop, LockPurpose::Check).await;
    assert_eq!((checked.ending, checked.total), (Ending::Failed, LockTotal::Behind));
    assert_eq!(file(&shop), before, "a check writes nothing");

    shop.world.log();
    let updated = locked(&shop, LockPurpose::Update(vec![ONE.to_owned()])).await;
    assert_eq!(shop.world.log(), [format!("head {ONE}")], "only what was named");
    assert_eq!(updated.ending, Ending::Done);
    let [(base, BaseNews::Moved { to, .. })] = &updated.news[..] else { panic!("{:?}", updated.news) };
    assert_eq!((base.to_string(), to.to_string()), (ONE.to_owned(), digest(21)));
    assert_eq!(updated.rebuilt, ["acme/api"]);
    assert!(file(&shop).contains(&digest(21)) && file(&shop).contains(&digest(12)));
}

#[tokio::test]
async fn a_registry_that_does_not_answer_keeps_the_others_from_nothing() {
    let shop = shop();
    shop.world.silence("quay.io/os/one");
    let locked = locked(&shop, LockPurpose::Add).await;
    assert_eq!(locked.ending, Ending::Registry);
    assert_eq!(locked.findings.len(), 1, "{:?}", locked.findings);
    assert!(!file(&shop).contains(&digest(11)) && file(&shop).contains(&digest(12)));
}

#[tokio::test]
async fn a_check_without_a_network_asks_nobody() {
    let shop = shop();
    locked(&shop, LockPurpose::Add).await;
    shop.world.log();
    let request = LockRequest { purpose: LockPurpose::Check, ..LockRequest::default() };
    let config = Config { offline: true, ..shop.config() };
    let checked = lock(&config, &request, &mut ()).await.expect("begins");
    assert_eq!(checked.total, LockTotal::AsLocked { bases: 2, compared: false });
    assert_eq!(shop.world.log(), Vec::<String>::new());
}
