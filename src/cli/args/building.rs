use std::path::{Path, PathBuf};

use super::RunArgs;
use crate::builder::{Secret, SshAgent};
use crate::cli::environment::Environment;
use crate::ops::{Building, Error};

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
        })
    }
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
