//! Puts settings of another tool into a `shipwright.toml`, behind what a person wrote there.

use std::fmt::Write as _;

use super::builder_yaml::Foreign;
use super::toml::{TOML_FILE, parse_toml};
use crate::diagnostic::{Diagnostic, Location};
use crate::naming::toml_string;
use crate::path::TreePath;
use crate::project::SettingsFile;

/// A settings file with more in it than before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Merged {
    /// Its text; none where there is nothing to add.
    pub text: Option<String>,
    /// The lines that are new, in their order.
    pub added: Vec<String>,
    /// What the file says otherwise, so that it stays.
    pub kept: Vec<Diagnostic>,
}

/// Adds what `foreign`, read from `source`, says to the settings file with this text. Nothing that stands there changes.
pub(crate) fn merged(text: &str, settings: &SettingsFile, foreign: &Foreign, source: &TreePath) -> Merged {
    let mut merging =
        Merging { source, settings, result: Merged::default(), top: Vec::new(), names: Vec::new() };
    merging.namespace(foreign);
    merging.registries(foreign);
    merging.names(foreign);
    merging.end(text)
}

struct Merging<'a> {
    source: &'a TreePath,
    settings: &'a SettingsFile,
    result: Merged,
    top: Vec<String>,
    names: Vec<String>,
}

impl Merging<'_> {
    fn keeps(&mut self, line: usize, message: String, hint: Option<String>) {
        let place = Location { line: Some(line), ..Location::file(self.source.clone()) };
        let found = Diagnostic::warning(message).at(place);
        self.result.kept.push(match hint {
            Some(hint) => found.hint(hint),
            None => found,
        });
    }

    fn line(&self, key: &str, value: &str, line: usize) -> String {
        format!("{key} = {value} # {}:{line}", one_line(&self.source.to_string()))
    }

    fn namespace(&mut self, foreign: &Foreign) {
        let Some((namespace, line)) = &foreign.namespace else { return };
        match &self.settings.namespace {
            None => self.top.push(self.line("namespace", &toml_string(namespace), *line)),
            Some(own) if own == namespace => {}
            Some(own) => {
                let message = format!("namespace {namespace} is not carried over: {TOML_FILE} says {own}");
                self.keeps(*line, message, None);
            }
        }
    }

    fn registries(&mut self, foreign: &Foreign) {
        let Some((_, line)) = foreign.registries.first() else { return };
        let all: Vec<String> = foreign.registries.iter().map(|(host, _)| toml_string(host)).collect();
        if self.settings.registries.is_empty() {
            let value = if let [only] = &all[..] { only.clone() } else { format!("[{}]", all.join(", ")) };
            return self.top.push(self.line("registry", &value, *line));
        }
        let own = self.settings.registries.join(", ");
        for (host, line) in &foreign.registries {
            if !self.settings.registries.contains(host) {
                let message = format!("registry {host} is not carried over: {TOML_FILE} says {own}");
                self.keeps(
                    *line,
                    message,
                    Some(format!("add it to `registry` of {TOML_FILE}, if it is wanted")),
                );
            }
        }
    }

    fn names(&mut self, foreign: &Foreign) {
        for (pattern, name, line) in &foreign.names {
            match self.settings.names.iter().find(|(known, _)| known == pattern) {
                None => self.names.push(self.line(&toml_string(pattern), &toml_string(name), *line)),
                Some((_, own)) if own == name => {}
                Some((_, own)) => {
                    let message =
                        format!("the name {name} of `{pattern}` is not carried over: {TOML_FILE} says {own}");
                    self.keeps(*line, message, None);
                }
            }
        }
    }

    fn end(mut self, text: &str) -> Merged {
        if self.top.is_empty() && self.names.is_empty() {
            return self.result;
        }
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let lines = |lines: &[String]| lines.iter().map(|line| format!("{line}{end}")).collect::<String>();
        let (mark, rest) = match text.strip_prefix('\u{feff}') {
            Some(rest) => ("\u{feff}", rest),
            None => ("", text),
        };
        let mut merged = format!("{mark}{}", lines(&self.top));
        let names = lines(&self.names);
        match header(rest) {
            _ if self.names.is_empty() => merged.push_str(rest),
            Some(after) => {
                merged.push_str(&rest[..after]);
                if !merged.ends_with('\n') {
                    merged.push_str(end);
                }
                merged.push_str(&names);
                merged.push_str(&rest[after..]);
            }
            None => {
                merged.push_str(rest);
                if !merged.is_empty() && !merged.ends_with('\n') {
                    merged.push_str(end);
                }
                // Writing to a string cannot fail.
                let _ = write!(merged, "{}[names]{end}{names}", if merged.is_empty() { "" } else { end });
            }
        }
        let names = self.settings.names.len() + self.names.len();
        self.result.added = self.top.drain(..).chain(self.names.drain(..)).collect();
        // A table may be written another way, such as `names = {…}`, and a text may hold what looks like a header.
        let is_right = |after: &SettingsFile| {
            after.names.len() == names
                && after.metadata == self.settings.metadata
                && after.exclude == self.settings.exclude
        };
        match parse_toml(&merged, &TOML_FILE.into()) {
            Ok(after) if is_right(&after) => self.result.text = Some(merged),
            _ => {
                let message = format!("{TOML_FILE} is written so that nothing can be added to it safely");
                let hint = format!("add these lines by hand: {}", self.result.added.join("; "));
                self.keeps(1, message, Some(hint));
                self.result.added.clear();
            }
        }
        self.result
    }
}

/// Where the line behind `[names]` begins.
fn header(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        let bare = line.split('#').next().unwrap_or_default().trim();
        let inner = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if inner.is_some_and(|inner| inner.trim() == "names") {
            return Some(at);
        }
    }
    None
}

/// A path must not end the comment.
fn one_line(text: &str) -> String {
    crate::printable::printable(text).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn foreign() -> Foreign {
        Foreign {
            namespace: Some(("acme".into(), 2)),
            registries: vec![("docker.io".into(), 2), ("reg.lan:5000".into(), 7)],
            names: vec![("web/front".into(), "web/front".into(), 9)],
            ..Foreign::default()
        }
    }

    fn merge(text: &str) -> Merged {
        let settings = parse_toml(text, &TOML_FILE.into()).expect(text);
        merged(text, &settings, &foreign(), &"builder.yaml".into())
    }

    const TOP: &str = "namespace = \"acme\" # builder.yaml:2\nregistry = [\"docker.io\", \"reg.lan:5000\"] # builder.yaml:2\n";
    const NAME: &str = "\"web/front\" = \"web/front\" # builder.yaml:9\n";

    #[test]
    fn what_a_person_wrote_stays() {
        assert_eq!(merge("").text, Some(format!("{TOP}\n[names]\n{NAME}")));
        let own = "# mine\nexclude = [\"x\"]\n\n[names] # here\n\"a\" = \"b\"\n\n[image.api]\ntarget = \"x\"";
        let expected = format!("{TOP}{}", own.replace("here\n", &format!("here\n{NAME}")));
        assert_eq!(merge(own).text, Some(expected));
        let other =
            merge("namespace = \"other\"\nregistry = \"docker.io\"\n[names]\n\"web/front\" = \"x\"\n");
        assert_eq!((other.text, other.kept.len()), (None, 3));
        let inline = merge(
            "namespace = \"acme\"\nregistry = [\"docker.io\", \"reg.lan:5000\"]\nnames = { a = \"b\" }\n",
        );
        assert_eq!(inline.text, None);
        assert!(
            inline.kept[0].hint.as_ref().is_some_and(|hint| hint.contains("\"web/front\" =")),
            "{inline:?}"
        );
    }

    proptest! {
        #[test]
        fn a_second_time_changes_nothing(parts in prop::collection::vec(prop_oneof![
            Just("# x\r\n"), Just("exclude = []\n"), Just("namespace = \"acme\"\n"), Just("tags = ['edge']\r\n"), Just("\n"),
        ], 0..4), tables in prop::collection::vec(prop_oneof![
            Just("[names]\n"), Just(" [ names ] \n'a' = 'b'\n"), Just("[image.api]\ntarget = \"[names]\"\n"),
        ], 0..3)) {
            let text = format!("{}{}", parts.concat(), tables.concat());
            prop_assume!(parse_toml(&text, &TOML_FILE.into()).is_ok());
            let once = merge(&text).text.expect("something is new");
            let again = merge(&once);
            prop_assert_eq!((again.text, again.added.len()), (None, 0));
            prop_assert!(text.lines().all(|line| once.contains(line)));
        }
    }
}
