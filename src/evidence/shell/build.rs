//! Commands that build an image, as they are called.

use super::expand::Field;
use super::flags::{long, of_program_takes_value, takes_value};
use crate::evidence::{Part, Text};

/// What a command, or a step of a pipeline, says about the image that it builds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::evidence) struct Build {
    pub tags: Vec<Text>,
    pub file: Option<Text>,
    pub context: Option<Text>,
    pub target: Option<Text>,
    /// `NAME=VALUE`, as written.
    pub args: Vec<Text>,
    /// Separated by commas.
    pub platforms: Vec<Text>,
    /// `NAME=WHAT`, as written.
    pub contexts: Vec<Text>,
}

impl Build {
    /// Puts what standard input is where a command names it: `-f - . < FILE`, `- < FILE`, which has no context.
    pub(super) fn read_from(&mut self, input: Text) {
        let is_input = |text: &Option<Text>| text.as_ref().and_then(Text::known).as_deref() == Some("-");
        if is_input(&self.file) {
            self.file = Some(input);
        } else if self.file.is_none() && is_input(&self.context) {
            (self.file, self.context) = (Some(input), None);
        }
    }
}

/// Reads a command; `hint` is the name of a variable that its first word is made of.
pub(super) fn build(fields: &[Field], hint: Option<&str>) -> Option<Build> {
    let at = program(fields, hint)?;
    let name = fields[at].text.known();
    let name = name.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or("docker").to_owned();
    if name == "executor" || name == "kaniko" {
        return Some(kaniko(&fields[at + 1..]));
    }
    let arguments = verbs(&fields[at + 1..])?;
    let mut build = docker(arguments);
    // They take the folder in which they are called.
    if matches!(&*name, "podman" | "buildah") && build.context.is_none() {
        build.context = Some(".".into());
    }
    Some(build)
}

/// Reads a command that is given as words.
pub(in crate::evidence) fn to_build(words: &[Text]) -> Option<Build> {
    let fields: Vec<Field> = words.iter().map(|text| Field { text: text.clone(), is_loose: false }).collect();
    build(&fields, None)
}

/// Programs that run what follows them.
const WRAPPERS: [&str; 18] = [
    "sudo",
    "time",
    "env",
    "exec",
    "command",
    "nice",
    "ionice",
    "nohup",
    "timeout",
    "retry",
    "run",
    "try",
    "travis_retry",
    "travis_wait",
    "execute",
    "run_cmd",
    "run_command",
    "log_cmd",
];

/// Which of the fields is the program that builds.
fn program(fields: &[Field], hint: Option<&str>) -> Option<usize> {
    for (index, field) in fields.iter().enumerate().take(8) {
        let Some(word) = field.text.known() else {
            return match hint.filter(|_| index == 0).is_some_and(is_engine_variable) {
                true => Some(0),
                // An option, a variable in front that is mostly empty.
                false if field.is_loose => continue,
                false => None,
            };
        };
        let name = word.rsplit('/').next().unwrap_or_default();
        if matches!(name, "docker" | "podman" | "nerdctl" | "buildah" | "img" | "docker.exe" | "finch")
            || word.contains("kaniko") && name == "executor"
        {
            return Some(index);
        }
        let is_in_front = WRAPPERS.contains(&name)
            || word.starts_with('-')
            || word.contains('=')
            || word.starts_with(|char: char| char.is_ascii_digit());
        if !is_in_front {
            return None;
        }
    }
    None
}

/// Whether a variable of that name holds a program like docker.
pub(in crate::evidence) fn is_engine_variable(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    // `DOCKER_COMPOSE build` builds other things.
    let is_other = ["COMPOSE", "REGISTRY", "IMAGE"].iter().any(|word| name.contains(word));
    !is_other
        && ["DOCKER", "PODMAN", "BUILDAH", "CONTAINER", "OCI_BIN", "CRI_BIN", "ENGINE", "BUILDER", "NERDCTL"]
            .iter()
            .any(|word| name.contains(word))
}

/// What follows `build`, `buildx build`, `image build`, `bud`.
fn verbs(fields: &[Field]) -> Option<&[Field]> {
    let mut rest = fields;
    loop {
        let (first, behind) = rest.split_first()?;
        let Some(word) = first.text.known() else {
            // `$DOCKER_FLAGS`
            if first.is_loose {
                rest = behind;
                continue;
            }
            return None;
        };
        match &*word {
            "build" | "bud" | "build-using-dockerfile" => return Some(behind),
            "buildx" | "image" | "builder" => rest = behind,
            flag if flag.starts_with('-') => {
                let skipped = usize::from(of_program_takes_value(flag));
                rest = behind.get(skipped..)?;
            }
            _ => return None,
        }
    }
}

/// Cuts a text at the first `=` that is known.
pub(super) fn split_assignment(text: &Text) -> Option<(String, Text)> {
    let (first, rest) = text.parts().split_first()?;
    let Part::Known(first) = first else { return None };
    let (name, value) = first.split_once('=')?;
    let mut whole = Text::from(value);
    whole.push(&rest.iter().cloned().collect());
    Some((name.to_owned(), whole))
}

fn is_no_flag(field: &Field) -> bool {
    !matches!(field.text.parts().first(), Some(Part::Known(front)) if front.starts_with('-'))
}

/// Name and value of each flag, and what is no flag.
fn flags(fields: &[Field], mut flag: impl FnMut(&str, Text), mut other: impl FnMut(&Field), is_known: bool) {
    let mut rest = fields.iter();
    let mut only_others = false;
    while let Some(field) = rest.next() {
        let front = match field.text.parts().first() {
            Some(Part::Known(front)) if !only_others => &**front,
            _ => "",
        };
        if front == "--" {
            only_others = true;
        } else if let Some(long) = front.strip_prefix("--") {
            match split_assignment(&field.text) {
                Some((name, value)) => flag(name.trim_start_matches('-'), value),
                None if if is_known {
                    takes_value(long)
                } else {
                    rest.as_slice().first().is_some_and(is_no_flag)
                } =>
                {
                    if let Some(value) = rest.next() {
                        flag(long, value.text.clone());
                    }
                }
                None => flag(long, Text::default()),
            }
        } else if front.len() > 1 && front.starts_with('-') {
            let cluster = &front[1..];
            let Some((at, name)) =
                cluster.char_indices().find_map(|(at, short)| long(short).map(|name| (at, name)))
            else {
                continue;
            };
            let glued = &cluster[at + 1..];
            if glued.is_empty() && field.text.parts().len() == 1 {
                if let Some(value) = rest.next() {
                    flag(name, value.text.clone());
                }
            } else {
                let mut value = Text::from(glued.strip_prefix('=').unwrap_or(glued));
                value.push(&field.text.parts()[1..].iter().cloned().collect());
                flag(name, value);
            }
        } else {
            other(field);
        }
    }
}

fn docker(fields: &[Field]) -> Build {
    let mut build = Build::default();
    let mut context = None;
    let mut is_loose = false;
    flags(
        fields,
        |name, value| match name {
            "tag" => build.tags.push(value),
            "file" => build.file = Some(value),
            "target" => build.target = Some(value),
            "build-arg" => build.args.push(value),
            "platform" => build.platforms.push(value),
            "build-context" => build.contexts.push(value),
            _ => {}
        },
        |field| if field.is_loose { is_loose = true } else { context = Some(field.text.clone()) },
        true,
    );
    build.context = context.or(is_loose.then(Text::unknown));
    build
}

fn kaniko(fields: &[Field]) -> Build {
    let mut build = Build::default();
    let mut sub_path = None;
    flags(
        fields,
        |name, value| match name {
            "destination" | "d" => build.tags.push(value),
            "dockerfile" | "file" => build.file = Some(value),
            "context" | "cpu-shares" => build.context = Some(value),
            "context-sub-path" => sub_path = Some(value),
            "target" => build.target = Some(value),
            "build-arg" => build.args.push(value),
            "custom-platform" | "customPlatform" => build.platforms.push(value),
            _ => {}
        },
        |_| {},
        // Those that take no value of their own are few: `--cache`, `--no-push` with `=true` or alone.
        false,
    );
    if let Some(context) = build.context.take() {
        let known = context.known();
        let plain = known.as_deref().and_then(|known| known.strip_prefix("dir://")).map(Text::from);
        let mut context = plain.unwrap_or(context);
        if let Some(sub_path) = sub_path {
            context.push_str("/");
            context.push(&sub_path);
        }
        build.context = Some(context);
    }
    build
}
