//! What a shell is told when its user presses Tab. Nothing is asked of engines and registries, and nothing is printed but
//! the words: a checkout that cannot be read has none.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Arg, Command, CommandFactory};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};

use super::args::GlobalArgs;
use super::command::Cli;
use super::edge::Edge;
use super::environment::Environment;
use super::output::Output;
use super::threads;
use crate::ops::{self, Config, Interrupts};

/// Set by the script that `shipwright completions` prints, to the name of the shell. Not clap's `COMPLETE`, which may be
/// set for another program.
pub(super) const VARIABLE: &str = "SHIPWRIGHT_COMPLETE";

/// Answers a shell that asks for completions. Gives whether one did.
pub fn complete() -> bool {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let folder = std::env::current_dir().ok();
    let completed =
        CompleteEnv::with_factory(command).var(VARIABLE).try_complete(arguments, folder.as_deref());
    completed.unwrap_or_else(|error| error.exit())
}

/// The command line, with what its words may be.
fn command() -> Command {
    let mut command = Cli::command();
    // Else the options of the commands are not there yet.
    command.build();
    with_words(command)
}

fn with_words(command: Command) -> Command {
    command.mut_args(with_values).mut_subcommands(with_words)
}

fn with_values(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "targets" | "upto" | "dependents" | "exact" | "exclude" | "explain" | "image" | "images" => {
            arg.add(ArgValueCompleter::new(images))
        }
        "dockerfile" => arg.add(ArgValueCompleter::new(dockerfiles)),
        "rev" | "since" => arg.add(ArgValueCompleter::new(revisions)),
        "registry" => arg.add(ArgValueCompleter::new(registries)),
        _ => arg,
    }
}

/// Short names; full ones where no short name begins so.
fn images(current: &OsStr) -> Vec<CompletionCandidate> {
    if threads::prepare().is_err() {
        return Vec::new();
    }
    let Ok(images) = ops::block_on(ops::image_words(&config())) else { return Vec::new() };
    let candidates = |name: fn(&ops::ImageWord) -> &String| -> Vec<CompletionCandidate> {
        let named = images.iter().filter(|image| begins(name(image), current));
        named
            .map(|image| CompletionCandidate::new(name(image)).help(Some(image.dockerfile.clone().into())))
            .collect()
    };
    let short = candidates(|image| &image.short);
    if short.is_empty() { candidates(|image| &image.full) } else { short }
}

fn dockerfiles(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = images(current);
    found.extend(PathCompleter::any().complete(current));
    found
}

fn revisions(current: &OsStr) -> Vec<CompletionCandidate> {
    words(ops::revision_words(&config()), current)
}

fn registries(current: &OsStr) -> Vec<CompletionCandidate> {
    words(ops::registry_words(&config()), current)
}

fn words(found: Result<Vec<String>, ops::Error>, current: &OsStr) -> Vec<CompletionCandidate> {
    let found = found.unwrap_or_default().into_iter();
    found.filter(|word| begins(word, current)).map(CompletionCandidate::new).collect()
}

/// Words of a checkout are shown on a terminal: none that could give it orders.
fn begins(word: &str, current: &OsStr) -> bool {
    current.to_str().is_some_and(|current| word.starts_with(current)) && !word.chars().any(char::is_control)
}

/// What counts for the command line that is being written.
fn config() -> Config {
    let environment = Environment::of_process();
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let global = GlobalArgs { directory: directory(&words), offline: true, ..GlobalArgs::default() };
    let output = Output::new(&global, &environment);
    Edge { global, environment, interrupts: Interrupts::default(), output }.config()
}

/// The folder of `-C DIR`, in the forms in which people write it.
fn directory(words: &[OsString]) -> Option<PathBuf> {
    let at = words.iter().position(|word| word == "-C" || word == "--directory");
    let beside = || {
        words.iter().filter_map(|word| word.to_str()).find_map(|word| {
            word.strip_prefix("--directory=")
                .or_else(|| word.strip_prefix("-C").filter(|folder| !folder.is_empty()))
        })
    };
    match at {
        Some(at) => words.get(at + 1).map(PathBuf::from),
        None => beside().map(PathBuf::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_found_in_every_form() {
        let found = |line: &str| directory(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for line in
            ["shipwright -C /a plan x", "shipwright --directory /a", "shipwright -C/a", "x --directory=/a"]
        {
            assert_eq!(found(line), Some(PathBuf::from("/a")), "{line}");
        }
        assert_eq!(found("shipwright plan x"), None);
        assert_eq!(found("shipwright plan -C"), None);
    }

    /// A new option for an image or a revision has to be told here.
    #[test]
    fn every_value_that_names_an_image_or_a_revision_is_completed() {
        let mut command = command();
        command.build();
        let commands = std::iter::once(&command).chain(command.get_subcommands());
        let mut completed = 0;
        for arg in commands.flat_map(Command::get_arguments) {
            let name = arg.get_value_names().and_then(|names| names.first()).map(clap::builder::Str::as_str);
            let is_known = matches!(
                name,
                Some("TARGET" | "IMAGE" | "REV" | "TIME|REV..REV" | "DOCKERFILE" | "HOST[/PREFIX]")
            );
            assert_eq!(arg.get::<ArgValueCompleter>().is_some(), is_known, "{arg:?}");
            completed += usize::from(is_known);
        }
        assert!(completed > 30, "{completed}");
    }
}
