//! A container's configuration without what its image brought. The engine merges an image's configuration into what a
//! user asked for when it makes a container (moby, `daemon/commit.go`, `merge`); this is the way back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::json::{Object, is_empty, object, same, words};
use super::record::{IMAGE_OF_COMPOSE, is_own_label};

/// Takes what the old image brought off a configuration, and notes what the user gave that the new image has as well:
/// next time nobody could tell.
pub(super) struct Subtraction<'a> {
    /// The configuration of the image that the container was made from.
    pub old: &'a Object,
    /// The configuration of the image that it gets.
    pub new: &'a Object,
    /// What was noted the last time.
    pub own: &'a BTreeSet<String>,
    pub noted: BTreeSet<String>,
}

impl Subtraction<'_> {
    /// What the user gave of `config`, the `Config` of a container.
    pub(super) fn of(&mut self, config: &Object) -> Object {
        let mut rest = config.clone();
        self.environment(&mut rest);
        self.labels(&mut rest);
        self.sets(&mut rest, "ExposedPorts", "port");
        self.sets(&mut rest, "Volumes", "volume");
        for (field, item) in
            [("User", "user"), ("WorkingDir", "workdir"), ("StopSignal", "stop-signal"), ("Shell", "shell")]
        {
            self.single(&mut rest, field, item);
        }
        self.health(&mut rest);
        self.command(&mut rest);
        // Triggers and the form of a command are of images alone.
        for field in ["OnBuild", "ArgsEscaped"] {
            rest.remove(field);
        }
        rest
    }

    /// Whether something is the user's: the old image has not got it, or it was noted.
    fn is_users(&mut self, item: String, in_old: bool, in_new: bool) -> bool {
        let is_users = !in_old || self.own.contains(&item);
        if is_users && in_new {
            self.noted.insert(item);
        }
        is_users
    }

    fn environment(&mut self, config: &mut Object) {
        let (old, new) = (words(self.old.get("Env")), words(self.new.get("Env")));
        let variables = words(config.get("Env")).into_iter().filter(|variable| {
            let name = variable.split('=').next().unwrap_or_default();
            self.is_users(format!("env {name}"), old.contains(variable), new.contains(variable))
        });
        let variables: Vec<String> = variables.collect();
        config.insert("Env".to_owned(), json!(variables));
    }

    fn labels(&mut self, config: &mut Object) {
        let (old, new) = (object_in(self.old, "Labels"), object_in(self.new, "Labels"));
        let mut labels = object_in(config, "Labels");
        labels.retain(|name, value| {
            let has = |image: &Object| image.get(name) == Some(value);
            name == IMAGE_OF_COMPOSE
                || !is_own_label(name) && self.is_users(format!("label {name}"), has(&old), has(&new))
        });
        config.insert("Labels".to_owned(), Value::Object(labels));
    }

    /// Ports and volumes: objects whose names are all that counts.
    fn sets(&mut self, config: &mut Object, field: &str, item: &str) {
        let (old, new) = (object_in(self.old, field), object_in(self.new, field));
        let mut set = object_in(config, field);
        set.retain(|name, _| {
            self.is_users(format!("{item} {name}"), old.contains_key(name), new.contains_key(name))
        });
        if set.is_empty() {
            config.remove(field);
        } else {
            config.insert(field.to_owned(), Value::Object(set));
        }
    }

    fn single(&mut self, config: &mut Object, field: &str, item: &str) {
        let (old, new) = (self.old.get(field), self.new.get(field));
        let value = config.get(field).cloned();
        let (in_old, in_new) = (same(value.as_ref(), old), same(value.as_ref(), new));
        if is_empty(value.as_ref()) || !self.is_users(item.to_owned(), in_old, in_new) {
            config.remove(field);
        }
    }

    /// The engine fills in each field of a health check that is not given.
    fn health(&mut self, config: &mut Object) {
        let (old, new) = (object_in(self.old, "Healthcheck"), object_in(self.new, "Healthcheck"));
        let mut check = object_in(config, "Healthcheck");
        check.retain(|field, value| {
            let has = |image: &Object| same(Some(value), image.get(field));
            !is_empty(Some(value)) && self.is_users(format!("health {field}"), has(&old), has(&new))
        });
        if check.is_empty() {
            config.remove("Healthcheck");
        } else {
            config.insert("Healthcheck".to_owned(), Value::Object(check));
        }
    }

    /// A command is the image's only where the entrypoint is: whoever gives an entrypoint gets no command of the image.
    fn command(&mut self, config: &mut Object) {
        let of = |config: &Object, field: &str| config.get(field).cloned();
        let (entrypoint, command) = (of(config, "Entrypoint"), of(config, "Cmd"));
        let has = |image: &Object, field: &str, value: &Option<Value>| same(value.as_ref(), image.get(field));
        let left_out = is_empty(command.as_ref()) && !is_empty(self.old.get("Cmd"));
        let entrypoint_in_old = has(self.old, "Entrypoint", &entrypoint) && !left_out;
        let entrypoint_in_new = has(self.new, "Entrypoint", &entrypoint);
        let is_entrypoint_users =
            self.is_users("entrypoint".to_owned(), entrypoint_in_old, entrypoint_in_new);
        if !is_entrypoint_users {
            config.remove("Entrypoint");
        } else if is_empty(entrypoint.as_ref()) {
            // None at all, where the image has one: what `--entrypoint ""` asks for.
            config.insert("Entrypoint".to_owned(), json!([""]));
        }
        let in_old = !is_entrypoint_users && has(self.old, "Cmd", &command);
        let in_new = has(self.new, "Cmd", &command) && entrypoint_in_new;
        if is_empty(command.as_ref()) || !self.is_users("cmd".to_owned(), in_old, in_new) {
            config.remove("Cmd");
        }
    }
}

/// What the engine makes of a request: what the image has is filled in.
pub(super) fn merged(request: &Object, image: &Object) -> Object {
    let mut config = request.clone();
    let mut variables = words(request.get("Env"));
    let given: Vec<String> = variables.iter().map(|it| name_of(it).to_owned()).collect();
    let of_image = words(image.get("Env")).into_iter();
    variables.extend(of_image.filter(|variable| !given.iter().any(|name| name == name_of(variable))));
    config.insert("Env".to_owned(), json!(variables));
    for field in ["Labels", "ExposedPorts", "Volumes", "Healthcheck"] {
        let mut both = object_in(image, field);
        both.extend(object_in(request, field));
        config.insert(field.to_owned(), Value::Object(both));
    }
    if is_empty(request.get("Entrypoint")) {
        if is_empty(request.get("Cmd")) {
            config.insert("Cmd".to_owned(), image.get("Cmd").cloned().unwrap_or_default());
        }
        config.insert("Entrypoint".to_owned(), image.get("Entrypoint").cloned().unwrap_or_default());
    }
    for field in ["User", "WorkingDir", "StopSignal", "Shell"] {
        if is_empty(request.get(field)) {
            config.insert(field.to_owned(), image.get(field).cloned().unwrap_or_default());
        }
    }
    config
}

fn name_of(variable: &str) -> &str {
    variable.split('=').next().unwrap_or_default()
}

fn object_in(config: &Object, field: &str) -> Object {
    config.get(field).map_or_else(Object::new, |_| object(&Value::Object(config.clone()), field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Object {
        let Value::Object(object) = value else { panic!("no object") };
        object
    }

    fn rest(config: Value, old: Value, new: Value, own: &[&str]) -> (Value, Vec<String>) {
        let own = own.iter().map(|item| (*item).to_owned()).collect();
        let (old, new) = (map(old), map(new));
        let mut subtraction = Subtraction { old: &old, new: &new, own: &own, noted: BTreeSet::new() };
        let mut rest = subtraction.of(&map(config));
        rest.retain(|_, value| !is_empty(Some(value)));
        (Value::Object(rest), subtraction.noted.into_iter().collect())
    }

    #[test]
    fn what_the_image_brought_goes_and_what_the_user_gave_stays() {
        let old = json!({"Env": ["PATH=/bin", "A=1", "B=1"], "Labels": {"x": "1", "y": "1"}, "User": "app",
            "WorkingDir": "/app", "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}},
            "StopSignal": "SIGINT", "Healthcheck": {"Test": ["CMD", "a"], "Interval": 5}});
        let config = json!({"Env": ["A=2", "MINE=1", "PATH=/bin", "B=1"], "Labels": {"x": "2", "y": "1"},
            "User": "app", "WorkingDir": "/else", "ExposedPorts": {"80/tcp": {}, "81/tcp": {}},
            "Volumes": {"/data": {}, "/mine": {}}, "StopSignal": "SIGINT",
            "Healthcheck": {"Test": ["CMD", "a"], "Interval": 7}});
        let (given, noted) = rest(config, old, json!({}), &[]);
        let expected = json!({"Env": ["A=2", "MINE=1"], "Labels": {"x": "2"}, "WorkingDir": "/else",
            "ExposedPorts": {"81/tcp": {}}, "Volumes": {"/mine": {}}, "Healthcheck": {"Interval": 7}});
        assert_eq!((given, noted), (expected, vec![]));
    }

    #[test]
    fn what_the_new_image_has_as_well_is_still_the_user_s_next_time() {
        let config = json!({"Env": ["A=5"], "User": "me"});
        let (_, noted) = rest(config.clone(), json!({}), json!({"Env": ["A=5"], "User": "me"}), &[]);
        assert_eq!(noted, ["env A", "user"]);
        let second = json!({"Env": ["A=5"], "User": "me"});
        let (given, noted) = rest(config, second, json!({"Env": ["A=7"]}), &["env A", "user"]);
        assert_eq!(given, json!({"Env": ["A=5"], "User": "me"}));
        assert!(noted.is_empty());
    }

    #[test]
    fn a_command_is_a_default_only_with_the_image_s_entrypoint() {
        let image = json!({"Entrypoint": ["/run"], "Cmd": ["serve"]});
        for (config, given) in [
            (json!({"Entrypoint": ["/run"], "Cmd": ["serve"]}), json!({})),
            (json!({"Entrypoint": ["/run"], "Cmd": ["other"]}), json!({"Cmd": ["other"]})),
            (
                json!({"Entrypoint": ["/sh"], "Cmd": ["serve"]}),
                json!({"Entrypoint": ["/sh"], "Cmd": ["serve"]}),
            ),
            (json!({"Entrypoint": ["/sh"], "Cmd": null}), json!({"Entrypoint": ["/sh"]})),
            (json!({"Entrypoint": ["/run"], "Cmd": null}), json!({"Entrypoint": ["/run"]})),
            (json!({"Entrypoint": null, "Cmd": ["serve"]}), json!({"Entrypoint": [""], "Cmd": ["serve"]})),
        ] {
            assert_eq!(rest(config.clone(), image.clone(), json!({}), &[]).0, given, "{config}");
        }
    }

    #[test]
    fn merging_and_taking_off_are_each_other_s_opposite() {
        let image = json!({"Env": ["PATH=/bin", "A=1"], "Entrypoint": ["/run"], "Cmd": ["serve"],
            "Labels": {"x": "1"}, "Volumes": {"/data": {}}, "User": "app", "Healthcheck": {"Test": ["CMD", "a"]}});
        for given in [
            json!({}),
            json!({"Env": ["A=2"], "Cmd": ["other"], "Labels": {"x": "2", "z": "1"}}),
            json!({"Entrypoint": ["/sh"], "User": "me", "Healthcheck": {"Retries": 3}}),
        ] {
            let config = Value::Object(merged(&map(given.clone()), &map(image.clone())));
            assert_eq!(rest(config, image.clone(), json!({}), &[]).0, given);
        }
    }
}
