use std::collections::HashMap;

use crate::image::Platform;

use super::dialect::Dialect;
use super::evaluation::Scope;
use super::value::{Lookup, Value, Variables};

/// The variables at one point of a stage.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    values: HashMap<String, Value>,
    /// Those that are part of the image (ENV).
    image: HashMap<String, Value>,
    /// Whether there may be more of them: the stage begins with an image whose variables are not known.
    open: bool,
}

impl Environment {
    /// `FROM scratch`. `BuildKit` always sets PATH.
    pub(super) fn scratch() -> Self {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let image = HashMap::from([("PATH".to_owned(), Value::known(path))]);
        Self { values: image.clone(), image, open: false }
    }

    pub(super) fn image() -> Self {
        Self { values: HashMap::new(), image: HashMap::new(), open: true }
    }

    /// `FROM` this stage: with `BuildKit` arguments come along, but the image's variables, known or not, win
    /// over them.
    pub(super) fn inherited(&self, dialect: Dialect) -> Self {
        let mut child = self.clone();
        if self.open || dialect == Dialect::Classic {
            child.values.clone_from(&self.image);
        } else {
            child.values.extend(self.image.clone());
        }
        child
    }

    pub(super) fn len(&self) -> usize {
        self.values.len() + self.image.len()
    }

    pub(super) fn set(&mut self, name: Value, value: Value) {
        if name.unknown.is_some() {
            // Any of them may have been set now.
            self.values.clear();
            self.image.clear();
            self.open = true;
            return;
        }
        self.values.insert(name.text.clone(), value.clone());
        self.image.insert(name.text, value);
    }

    /// ARG, with a value or without. To the classic builder an ENV counts more, and an ARG without a value
    /// takes that of an earlier one away.
    pub(super) fn set_argument(&mut self, name: &str, value: Option<Value>, dialect: Dialect) {
        if dialect == Dialect::Classic {
            self.values.remove(name);
            if let Some(value) = self.image.get(name) {
                self.values.insert(name.to_owned(), value.clone());
                return;
            }
        }
        if let Some(value) = value {
            self.values.insert(name.to_owned(), value);
        }
    }
}

impl Variables for Environment {
    fn get(&self, name: &str) -> Lookup<'_> {
        match self.values.get(name) {
            Some(value) => Lookup::Set(value),
            None if self.open && is_identifier(name) => Lookup::Unknown,
            None => Lookup::Unset,
        }
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The ARGs in front of the first FROM, and what `BuildKit` predefines among them.
#[derive(Clone, Debug)]
pub(super) struct Globals {
    /// Those that are declared last without a value have none.
    values: HashMap<String, Option<Value>>,
    dialect: Dialect,
}

impl Globals {
    /// The platform arguments and the name of the target; build arguments win over them.
    pub(super) fn new(scope: &Scope<'_>, target: Option<&str>, dialect: Dialect) -> Self {
        let target = target.filter(|name| !name.is_empty()).unwrap_or("default").to_owned();
        let predefined = platform_arguments("BUILD", scope.build_platform)
            .into_iter()
            .chain(platform_arguments("TARGET", scope.target_platform))
            .chain([("TARGETSTAGE".to_owned(), target)]);
        let effective = predefined.filter(|(name, _)| dialect.predefines(name)).map(|(name, value)| {
            let value = scope.build_args.get(&name).cloned().unwrap_or(value);
            (name, Some(Value::known(value)))
        });
        Self { values: effective.collect(), dialect }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// ARG in front of the first FROM.
    pub(super) fn declare(&mut self, name: &str, value: Option<Value>) {
        if value.is_some() || self.dialect.forgets() {
            self.values.insert(name.to_owned(), value);
        }
    }

    /// What an ARG of this name without a value stands for in a stage.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name).and_then(Option::as_ref)
    }
}

impl Variables for Globals {
    fn get(&self, name: &str) -> Lookup<'_> {
        static EMPTY: Value = Value { text: String::new(), unknown: None };
        match self.values.get(name) {
            Some(Some(value)) => Lookup::Set(value),
            Some(None) if self.dialect != Dialect::Classic => Lookup::Set(&EMPTY),
            Some(None) | None => Lookup::Unset,
        }
    }
}

fn platform_arguments(prefix: &str, platform: &Platform) -> [(String, String); 5] {
    [
        ("PLATFORM", platform.to_string()),
        ("OS", platform.os.clone()),
        ("OSVERSION", String::new()),
        ("ARCH", platform.architecture.clone()),
        ("VARIANT", platform.variant.clone().unwrap_or_default()),
    ]
    .map(|(name, value)| (format!("{prefix}{name}"), value))
}

/// Whether RUN gets a build argument of this name undeclared, as a proxy that leaves no trace in the image.
pub(crate) fn is_proxy(name: &str) -> bool {
    const PROXIES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];
    PROXIES.iter().any(|proxy| name == *proxy || name == proxy.to_ascii_lowercase())
}

/// Whether the builder reads a build argument of this name although no ARG declares it.
pub(super) fn is_read_undeclared(name: &str) -> bool {
    const PLATFORM: [&str; 5] = ["PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT"];
    let part = name.strip_prefix("BUILD").or_else(|| name.strip_prefix("TARGET"));
    part.is_some_and(|part| PLATFORM.contains(&part))
        || name == "TARGETSTAGE"
        || name == "SOURCE_DATE_EPOCH"
        || name.starts_with("BUILDKIT_")
}
