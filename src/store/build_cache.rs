//! The build cache of an engine, which all its users share.

use std::time::Duration;

use serde_json::{Value, json};

use crate::engine::{Call, Engine, EngineError, Method};

/// How long counting may take: engines before 23.0 count everything that they have.
const COUNTING: Duration = Duration::from_secs(120);
/// How long removing may take.
const REMOVING: Duration = Duration::from_secs(600);

/// What of a build cache stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheLimit {
    /// So many bytes, used last.
    Size(u64),
    /// What was used within this time.
    Age(Duration),
}

/// What the build cache holds beyond what images share with it, in bytes.
pub(super) async fn size(engine: &Engine) -> Result<u64, EngineError> {
    let call = Call {
        action: "count its build cache".to_owned(),
        method: Method::GET,
        path: "/system/df?type=build-cache".to_owned(),
        body: None,
        limit: COUNTING,
    };
    Ok(counted(&engine.call(&call).await?.value(&call.action)?))
}

/// The sum since API 1.52, before that a list.
fn counted(answer: &Value) -> u64 {
    let entries = || answer["BuildCache"].as_array().into_iter().flatten();
    let unshared = || entries().filter(|entry| entry["Shared"] != true);
    let sum = || unshared().filter_map(|entry| entry["Size"].as_u64()).sum();
    answer["BuildCacheUsage"]["Reclaimable"].as_u64().unwrap_or_else(sum)
}

/// Removes what is beyond the limit and not in use; gives the bytes that this freed.
pub(super) async fn prune(engine: &Engine, limit: CacheLimit) -> Result<u64, EngineError> {
    let call = Call {
        action: "prune its build cache".to_owned(),
        method: Method::POST,
        path: path(limit),
        body: None,
        limit: REMOVING,
    };
    let answer = engine.call(&call).await?.value(&call.action)?;
    Ok(answer["SpaceReclaimed"].as_u64().unwrap_or_default())
}

/// Without `all`: removing what images share would free nothing, and builds would miss it. What stays is called `reserved-space` since API 1.48 and `keep-storage` before; an engine leaves alone what it does not know.
fn path(limit: CacheLimit) -> String {
    match limit {
        CacheLimit::Size(bytes) => {
            format!("/build/prune?reserved-space={bytes}&keep-storage={bytes}")
        }
        CacheLimit::Age(age) => {
            let filters = json!({"until": [format!("{}s", age.as_secs())]}).to_string();
            let escaped: String = filters.bytes().map(|byte| format!("%{byte:02X}")).collect();
            format!("/build/prune?filters={escaped}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_never_left_out() {
        let size = path(CacheLimit::Size(7));
        assert!(size.contains("reserved-space=7") && size.contains("keep-storage=7"), "{size}");
        let age = path(CacheLimit::Age(Duration::from_secs(90)));
        assert!(
            age.ends_with(&"{\"until\":[\"90s\"]}".bytes().map(|b| format!("%{b:02X}")).collect::<String>())
        );
    }

    #[test]
    fn engines_count_in_two_ways() {
        assert_eq!(counted(&json!({"BuildCacheUsage": {"TotalSize": 9, "Reclaimable": 8}})), 8);
        assert_eq!(
            counted(
                &json!({"BuildCache": [{"Size": 3, "InUse": true}, {"Size": 4}, {"Size": 5, "Shared": true}]})
            ),
            7
        );
        assert_eq!(counted(&json!({"BuildCache": null, "LayersSize": 5})), 0);
    }
}
