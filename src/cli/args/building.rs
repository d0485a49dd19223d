use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{CacheArgs, RunArgs};
use crate::builder::{Secret, SshAgent};
use crate::cli::environment::Environment;
use crate::ops::{Building, CacheKind, CacheSpec, Error};
use crate::settings::{InvalidCache, cache_source, cache_target};

impl RunArgs {
    /// What they ask for; what is wrong with secrets and the like is found before anything is read.
    pub(in crate::cli) fn building(&self, environment: &Environment) -> Result<Building, Error> {
        Ok(Building {
            jobs: self.jobs,
            fail_fast: self.fail_fast,
            pull: self.pull,
            secrets: self.secret.iter().map(|spec| secret(spec, environment)).collect::<Result<_, _>>()?,
            ssh: self.ssh.iter().map(|spec| ssh_agent(spec, environment)).collect::<Result<_, _>>()?,
            network: self.network.clone(),
            add_hosts: self.add_host.clone(),
            cache_from: told("--cache-from", self.cache.from()?, environment)?,
            cache_to: told("--cache-to", self.cache.to()?, environment)?,
            attestations: self.attestations()?,
        })
    }
}

impl CacheArgs {
    /// What `--cache-from` says.
    pub(in crate::cli) fn from(&self) -> Result<Vec<CacheSpec>, Error> {
        self.cache_from.iter().map(|text| read_cache("--cache-from", cache_source(text))).collect()
    }

    /// What `--cache-to` says.
    pub(in crate::cli) fn to(&self) -> Result<Vec<CacheSpec>, Error> {
        self.cache_to.iter().map(|text| read_cache("--cache-to", cache_target(text))).collect()
    }
}

fn read_cache(flag: &str, spec: Result<CacheSpec, InvalidCache>) -> Result<CacheSpec, Error> {
    spec.map_err(|error| {
        let message = format!("{flag}: {error}");
        match error.hint() {
            Some(hint) => Error::usage_with_hint(message, hint),
            None => Error::usage(message),
        }
    })
}

/// What a builder is told that is no client of buildx: that would find out by itself what its job has.
fn told(flag: &str, specs: Vec<CacheSpec>, environment: &Environment) -> Result<Vec<CacheSpec>, Error> {
    let told = |spec: CacheSpec| match spec.kind {
        CacheKind::Gha => of_actions(flag, spec, environment),
        CacheKind::Registry | CacheKind::Inline => Ok(spec),
    };
    specs.into_iter().map(told).collect()
}

impl RunArgs {
    /// `--provenance`, `--sbom`: `true` for the builder's own choice, `false` for none, else attributes.
    fn attestations(&self) -> Result<BTreeMap<String, String>, Error> {
        let given = [("provenance", &self.provenance), ("sbom", &self.sbom)];
        let mut attestations = BTreeMap::new();
        for (name, value) in given {
            let attributes = match value.as_deref() {
                None | Some("false" | "0") => continue,
                Some("true" | "1") if name == "provenance" => "mode=min",
                Some("true" | "1") => "",
                Some("min" | "max") if name == "provenance" => {
                    &format!("mode={}", value.as_deref().unwrap_or_default())
                }
                Some(attributes) => attributes,
            };
            let known =
                if name == "sbom" { &["generator"][..] } else { &["mode", "reproducible", "builder-id"] };
            for field in attributes.split(',').filter(|field| !field.is_empty()) {
                let is_right = field.split_once('=').is_some_and(|(name, value)| {
                    known.contains(&name)
                        && !value.is_empty()
                        && (name != "mode" || matches!(value, "min" | "max"))
                });
                if !is_right {
                    let hint = match name {
                        "sbom" => "write --sbom or --sbom=generator=IMAGE",
                        _ => "write --provenance, --provenance=mode=min or --provenance=mode=max",
                    };
                    return Err(Error::usage_with_hint(format!("--{name}: cannot read `{field}`"), hint));
                }
            }
            attestations.insert(name.to_owned(), attributes.to_owned());
        }
        Ok(attestations)
    }
}

/// Where a job of GitHub Actions finds its cache, and what lets it in.
fn of_actions(flag: &str, mut spec: CacheSpec, environment: &Environment) -> Result<CacheSpec, Error> {
    let url = ["ACTIONS_CACHE_URL", "ACTIONS_RESULTS_URL"].iter().find_map(|name| environment.get(name));
    let given = [("url", url), ("token", environment.get("ACTIONS_RUNTIME_TOKEN"))];
    for (name, value) in given {
        if spec.attributes.contains_key(name) {
            continue;
        }
        let Some(value) = value else {
            return Err(Error::usage_with_hint(
                format!("{flag}: type=gha needs {name}, which only jobs of GitHub Actions have"),
                "in a job, `crazy-max/ghaction-github-runtime` puts ACTIONS_CACHE_URL and ACTIONS_RUNTIME_TOKEN into the \
                 environment; elsewhere use type=registry",
            ));
        };
        spec.attributes.insert(name.to_owned(), value.to_owned());
    }
    Ok(spec)
}

/// Reads a `--secret`: `id=ID`, `id=ID,src=FILE`, `id=ID,env=NAME`, as `docker build` does. Without a source the
/// environment variable of that name counts, else the file.
fn secret(spec: &str, environment: &Environment) -> Result<Secret, Error> {
    let (mut id, mut file, mut variable) = (None, None, None);
    for field in spec.split(',') {
        match field.split_once('=') {
            Some(("id", value)) => id = Some(value),
            Some(("src" | "source", value)) => file = Some(value),
            Some(("env", value)) => variable = Some(value),
            Some(("type", "file" | "env")) => {}
            _ => return Err(unreadable_spec(field)),
        }
    }
    let Some(id) = id.filter(|id| !id.is_empty()) else { return Err(unreadable_spec("no id")) };
    let value = match (file, variable) {
        (Some(file), _) => read(id, &environment.current_dir.join(file))?,
        (None, Some(name)) => variable_value(id, name, environment)?,
        (None, None) => match environment.get_even_empty(id) {
            Some(value) => value.as_bytes().to_vec(),
            None => read(id, &environment.current_dir.join(id))?,
        },
    };
    Ok(Secret { id: id.to_owned(), value })
}

/// The message repeats nothing but the part that is wrong: a secret may have been typed into it.
fn unreadable_spec(what: &str) -> Error {
    let key = what.split('=').next().unwrap_or_default();
    Error::usage_with_hint(
        format!("--secret: cannot read `{key}`"),
        "write --secret id=ID, --secret id=ID,src=FILE or --secret id=ID,env=NAME",
    )
}

fn read(id: &str, path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| {
        Error::usage_with_hint(
            format!("--secret id={id}: cannot read {}: {error}", path.display()),
            "give the file with src=FILE or the environment variable with env=NAME",
        )
    })
}

fn variable_value(id: &str, name: &str, environment: &Environment) -> Result<Vec<u8>, Error> {
    match environment.get_even_empty(name) {
        Some(value) => Ok(value.as_bytes().to_vec()),
        None => Err(Error::usage(format!("--secret id={id}: the environment has no {name}"))),
    }
}

/// Reads an `--ssh`: `default` (the agent of `SSH_AUTH_SOCK`) or `ID=SOCKET`.
fn ssh_agent(spec: &str, environment: &Environment) -> Result<SshAgent, Error> {
    let (id, socket) = match spec.split_once('=') {
        Some((id, socket)) => (id, socket),
        None => match environment.get("SSH_AUTH_SOCK") {
            Some(socket) => (spec, socket),
            None => {
                return Err(Error::usage_with_hint(
                    format!("--ssh {spec}: no agent is running, SSH_AUTH_SOCK is not set"),
                    "start one with `eval $(ssh-agent)` and `ssh-add`, or write --ssh ID=SOCKET",
                ));
            }
        },
    };
    Ok(SshAgent { id: id.to_owned(), socket: PathBuf::from(socket) })
}
