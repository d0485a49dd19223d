//! Projects of `docker compose`, by the labels that it puts on containers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::json::{object, text};

const PROJECT_LABEL: &str = "com.docker.compose.project";
const SERVICE_LABEL: &str = "com.docker.compose.service";
const NUMBER_LABEL: &str = "com.docker.compose.container-number";
/// `SERVICE:CONDITION:RESTART`, separated by commas. Compose writes it since version 2.
const DEPENDS_LABEL: &str = "com.docker.compose.depends_on";
/// `True` on what `docker compose run` made.
const ONE_OFF_LABEL: &str = "com.docker.compose.oneoff";

fn label(container: &Value, name: &str) -> String {
    let labels = object(&container["Config"], "Labels");
    labels.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(crate) fn project_of(container: &Value) -> Option<String> {
    let project = label(container, PROJECT_LABEL);
    let is_one_off = label(container, ONE_OFF_LABEL).eq_ignore_ascii_case("true");
    (!project.is_empty() && !is_one_off).then_some(project)
}

/// The containers of a project, each with a rank that counts where nothing else says which is first; sorted so that
/// what a service depends on comes before it. `all` are the project's containers, also those that are not moved: a service may depend
/// on another one by way of them.
pub(crate) fn in_order(moved: Vec<(usize, Value)>, all: &[Value]) -> Vec<Value> {
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for container in all {
        let on = label(container, DEPENDS_LABEL);
        let services =
            on.split(',').filter_map(|part| part.split(':').next()).filter(|name| !name.is_empty());
        needs.entry(label(container, SERVICE_LABEL)).or_default().extend(services.map(str::to_owned));
    }
    let mut rest = moved;
    let key = |(rank, container): &(usize, Value)| {
        let number = label(container, NUMBER_LABEL).parse::<u32>().unwrap_or_default();
        (*rank, label(container, SERVICE_LABEL), number, text(container, "Name").to_owned())
    };
    rest.sort_by_key(key);
    let mut ordered = Vec::new();
    while !rest.is_empty() {
        let services: BTreeSet<String> = rest.iter().map(|(_, it)| label(it, SERVICE_LABEL)).collect();
        let is_free = |(_, container): &(usize, Value)| {
            let own = label(container, SERVICE_LABEL);
            needed(&own, &needs).iter().all(|service| *service == own || !services.contains(service))
        };
        // In a circle, which compose refuses, any is as good as another.
        let next = rest.iter().position(is_free).unwrap_or_default();
        ordered.push(rest.remove(next).1);
    }
    ordered
}

/// All that a service needs, directly or not.
fn needed(service: &str, needs: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![service.to_owned()];
    while let Some(next) = open.pop() {
        for name in needs.get(&next).into_iter().flatten() {
            if found.insert(name.clone()) {
                open.push(name.clone());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container(service: &str, number: u32, on: &str) -> Value {
        json!({"Name": format!("/{service}-{number}"), "Config": {"Labels": {PROJECT_LABEL: "shop",
            SERVICE_LABEL: service, NUMBER_LABEL: number.to_string(), DEPENDS_LABEL: on}}})
    }

    fn names(ordered: &[Value]) -> Vec<&str> {
        ordered.iter().map(|container| text(container, "Name")).collect()
    }

    #[test]
    fn what_a_service_depends_on_comes_first_also_by_way_of_others() {
        let all = [
            container("api", 1, "cache:service_started:false"),
            container("cache", 1, "worker:service_healthy:true"),
            container("worker", 10, ""),
            container("worker", 2, ""),
            container("web", 1, "api:service_started:false,worker:service_started:false"),
        ];
        let moved = |at: &[usize]| at.iter().map(|at| (0, all[*at].clone())).collect::<Vec<_>>();
        let ordered = in_order(moved(&[4, 0, 2, 3]), &all);
        assert_eq!(names(&ordered), ["/worker-2", "/worker-10", "/api-1", "/web-1"]);
        // Where nothing is said, the rank counts.
        let one = container("a", 1, "");
        let other = container("b", 1, "");
        let ordered = in_order(vec![(1, one.clone()), (0, other.clone())], &[one, other]);
        assert_eq!(names(&ordered), ["/b-1", "/a-1"]);
        let circle = [container("a", 1, "b:x:y"), container("b", 1, "a:x:y")];
        assert_eq!(in_order(vec![(0, circle[0].clone()), (0, circle[1].clone())], &circle).len(), 2);
    }

    #[test]
    fn what_was_run_once_is_no_service() {
        let mut once = container("api", 1, "");
        assert_eq!(project_of(&once).as_deref(), Some("shop"));
        once["Config"]["Labels"][ONE_OFF_LABEL] = json!("True");
        assert_eq!((project_of(&once), project_of(&json!({"Config": {"Labels": null}}))), (None, None));
    }
}
