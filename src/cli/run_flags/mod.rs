//! The flags of `docker run`, as `deploy --create NAME IMAGE -- FLAGS [COMMAND]` takes them: arguments become the request that
//! makes the container. Values are taken apart in `deploy::flags`; here they find their fields.

mod files;
mod network;
mod process;
mod request;
mod resources;
mod storage;

use clap::{Args, Command, CommandFactory, FromArgMatches, Parser};
use serde_json::{Value, json};

use self::files::Caller;
use self::network::NetworkFlags;
use self::process::ProcessFlags;
use self::request::Request;
use self::resources::ResourceFlags;
use self::storage::StorageFlags;
use super::environment::Environment;
use crate::deploy::flags;
use crate::ops::{Creation, Error};

/// Everything that a container's description can hold.
#[derive(Clone, Debug, Parser)]
#[command(name = "docker run", no_binary_name = true, disable_help_flag = true, args_override_self = true)]
struct RunFlags {
    #[command(flatten)]
    process: ProcessFlags,
    #[command(flatten)]
    network: NetworkFlags,
    #[command(flatten)]
    storage: StorageFlags,
    #[command(flatten)]
    resources: ResourceFlags,
    #[command(flatten)]
    ignored: IgnoredFlags,
    /// What is run: the first word that is no flag, and all that follows.
    #[arg(trailing_var_arg = true)]
    command: Vec<String>,
}

/// What `docker run` takes and is the case anyway.
#[derive(Clone, Debug, Args)]
struct IgnoredFlags {
    #[arg(short, long)]
    detach: Option<bool>,
}

/// Flags that are on alone and off with `=false`.
const SWITCHES: [&str; 10] = [
    "detach",
    "init",
    "interactive",
    "no_healthcheck",
    "oom_kill_disable",
    "privileged",
    "publish_all",
    "read_only",
    "rm",
    "tty",
];

/// Flags of `docker run` that Shipwright has another word for.
const ELSEWHERE: [(&str, &str); 4] = [
    ("--name", "the name is the first word: shipwright deploy --create NAME IMAGE"),
    ("--pull", "write it before the `--`: shipwright deploy --create --pull NAME IMAGE"),
    ("--platform", "write it before the `--`: shipwright deploy --create --platform OS/ARCH NAME IMAGE"),
    ("--cidfile", "docker container inspect --format '{{.Id}}' NAME prints the id"),
];

/// Reads the words after `--`.
///
/// # Errors
///
/// A flag that `docker run` does not have, or a value that is wrong: both are named.
pub(super) fn creation(words: &[String], environment: &Environment) -> Result<Creation, Error> {
    let flags = parsed(words)?;
    let surroundings = Caller::new(environment);
    let mut request = Request { config: json!({}), host: json!({}) };
    let put = flags.put(&mut request, &surroundings);
    let networks = put.map_err(|error| Error::usage_with_hint(error, HINT))?;
    let Request { config: mut body, host } = request;
    body["HostConfig"] = host;
    let mut networks = networks.into_iter();
    // Engines before 25 take one network; the others are joined once the container is there.
    if let Some((network, endpoint)) = networks.next().filter(|(_, endpoint)| *endpoint != json!({})) {
        body["NetworkingConfig"]["EndpointsConfig"][network] = endpoint;
    }
    Ok(Creation { request: body, connect: networks.collect() })
}

const HINT: &str = "after `--` come flags of `docker run`, then the command: docker run --help";

impl RunFlags {
    fn put(&self, request: &mut Request, surroundings: &Caller<'_>) -> Result<Vec<(String, Value)>, String> {
        self.process.put(request, surroundings)?;
        self.storage.put(request, surroundings)?;
        self.resources.put(request);
        if self.resources.has_restart() && self.process.rm() {
            return Err("--rm and --restart: one or the other".to_owned());
        }
        if !self.command.is_empty() {
            request.config["Cmd"] = json!(self.command);
        }
        self.network.put(request)
    }
}

fn parsed(words: &[String]) -> Result<RunFlags, Error> {
    let named = |flag: &str| words.iter().any(|word| word == flag || word.starts_with(&format!("{flag}=")));
    let parsed = command().try_get_matches_from(words);
    parsed.and_then(|matches| RunFlags::from_arg_matches(&matches)).map_err(|error| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let elsewhere = ELSEWHERE.iter().find(|(flag, _)| named(flag) && line.contains(flag));
        Error::usage_with_hint(line, elsewhere.map_or(HINT, |(_, hint)| *hint))
    })
}

/// As `docker run` reads its words: a value may begin with a dash, and a switch may have one.
fn command() -> Command {
    RunFlags::command().mut_args(|arg| {
        if SWITCHES.contains(&arg.get_id().as_str()) {
            let arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
            arg.value_parser(flags::boolean)
        } else if arg.is_positional() {
            arg
        } else {
            arg.allow_hyphen_values(true)
        }
    })
}

#[cfg(test)]
mod tests;
