use std::collections::HashMap;

use serde_json::{Map, Value};

use super::SettingsFile;
use super::toml::{TOML_FILE, is_key};
use super::values::namespace;
use crate::diagnostic::{Diagnostic, LineIndex, Location, closest};
use crate::path::TreePath;

/// The settings of the Python original.
pub(crate) const JSON_FILE: &str = ".shipwright.json";

const KNOWN: [&str; 4] = ["version", "namespace", "names", "assert_hostname"];

/// Reads the Python original's `.shipwright.json`. There `names` maps a folder, as it is, to a whole
/// repository, without the namespace in front.
pub fn parse_json(text: &str, path: &TreePath) -> Result<SettingsFile, Vec<Diagnostic>> {
    let mut reader = Reader { text, path, lines: LineIndex::new(text), keys: keys(text), errors: Vec::new() };
    let mut settings = SettingsFile { path: Some(path.clone()), ..SettingsFile::default() };
    match serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) {
        Ok(Value::Object(members)) => reader.members(&members, &mut settings),
        Ok(_) => reader.errors.push(
            Diagnostic::error("the settings file must hold one JSON object").at(Location::file(path.clone())),
        ),
        Err(error) => reader.syntax(&error),
    }
    if reader.errors.is_empty() { Ok(settings) } else { Err(reader.errors) }
}

struct Reader<'a> {
    text: &'a str,
    path: &'a TreePath,
    lines: LineIndex,
    /// Where each key stands first, by its text in the file.
    keys: HashMap<&'a str, usize>,
    errors: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn members(&mut self, members: &Map<String, Value>, settings: &mut SettingsFile) {
        for (key, value) in members {
            match (key.as_str(), value) {
                (_, Value::Null) if KNOWN.contains(&key.as_str()) => {}
                ("version", Value::Number(number)) => {
                    if number.as_f64().is_none_or(|version| !(1.0..2.0).contains(&version)) {
                        self.error(
                            key,
                            format!("version {number} of the settings file is not known"),
                            "1.0 is",
                        );
                    }
                }
                ("namespace", Value::String(text)) => match namespace(text) {
                    Ok(namespace) => settings.namespace = Some(namespace),
                    Err(error) => self.errors.push(Diagnostic::error(error.to_string()).at(self.locate(key))),
                },
                ("names", Value::Object(names)) => self.names(names, settings),
                ("assert_hostname", Value::Bool(_)) => {
                    let warning = Diagnostic::warning("`assert_hostname` has no effect");
                    settings.diagnostics.push(warning.at(self.locate(key)));
                }
                ("version", _) => self.wrong_type(key, "a number"),
                ("namespace", _) => self.wrong_type(key, "a text"),
                ("names", _) => self.wrong_type(key, "an object of folders and repositories"),
                ("assert_hostname", _) => self.wrong_type(key, "true or false"),
                // The newer file has more.
                (other, _) if is_key(other) => {
                    let hint = format!("write it in {TOML_FILE}, with what else this file says");
                    self.error(key, format!("`{key}` is not a setting of {}", self.path), &hint);
                }
                (other, _) => {
                    let hint = closest(other, &KNOWN[..3]).first().map_or_else(
                        || format!("known: {}", KNOWN[..3].join(", ")),
                        |it| format!("did you mean `{it}`?"),
                    );
                    self.error(key, format!("`{key}` is not a setting"), &hint);
                }
            }
        }
    }

    fn names(&mut self, names: &Map<String, Value>, settings: &mut SettingsFile) {
        for (folder, name) in names {
            let Value::String(name) = name else {
                self.wrong_type(folder, "a text");
                continue;
            };
            // Braces would be placeholders in the newer file; here a folder is only a folder.
            let pattern = folder.replace('{', "{{").replace('}', "}}");
            settings.name_locations.insert(pattern.clone(), self.locate(folder));
            settings.names.push((pattern, format!("/{}", name.trim_start_matches('/'))));
        }
    }

    fn wrong_type(&mut self, key: &str, wanted: &str) {
        self.errors.push(Diagnostic::error(format!("`{key}` must be {wanted}")).at(self.locate(key)));
    }

    fn error(&mut self, key: &str, message: String, hint: &str) {
        self.errors.push(Diagnostic::error(message).at(self.locate(key)).hint(hint));
    }

    fn syntax(&mut self, error: &serde_json::Error) {
        let line = error.line().max(1);
        let start: usize = self.text.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let at = (start + error.column().saturating_sub(1)).min(self.text.len());
        // The column counts bytes, and may point into a character.
        let at = (0..=at).rev().find(|&at| self.text.is_char_boundary(at)).unwrap_or(0);
        let width = self.text[at..].chars().next().map_or(0, char::len_utf8);
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        let location = Location::span(self.path.clone(), line, at..at + width);
        self.errors.push(Diagnostic::error(format!("the settings file is not JSON: {message}")).at(location));
    }

    /// Where a key stands. The parser does not tell, so it was searched for.
    fn locate(&self, key: &str) -> Location {
        let quoted = Value::from(key).to_string();
        match self.keys.get(&*quoted) {
            Some(at) => Location::span(self.path.clone(), self.lines.line_of(*at), *at..at + quoted.len()),
            None => Location::file(self.path.clone()),
        }
    }
}

/// The texts, as they are quoted, that a colon follows, and where each stands first.
fn keys(text: &str) -> HashMap<&str, usize> {
    let mut keys = HashMap::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(start) = text[at..].find('"').map(|quote| at + quote) {
        let mut end = start + 1;
        while end < bytes.len() && bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        // Unfinished: the parser says so.
        let Some(quoted) = text.get(start..=end) else { break };
        at = end + 1;
        let blanks = bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if bytes.get(at + blanks) == Some(&b':') {
            keys.entry(quoted).or_insert(start);
        }
        at += blanks;
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        let errors = parse_json(text, &".shipwright.json".into()).expect_err("wrong");
        let show = |error: Diagnostic| {
            let line = error.location.and_then(|location| location.line).unwrap_or(0);
            format!("{line}: {} ({})", error.message, error.hint.unwrap_or_default())
        };
        errors.into_iter().map(show).collect()
    }

    #[test]
    fn the_original_file_as_it_is() {
        let text = "{\n  \"version\": 1.0,\n  \"namespace\": \"localhost:5000\",\n  \"names\": {\"\": \"acme/root\", \
                    \"b/{x}\": \"acme/b\", \"a\": \"quay.io/acme/a\"}\n}\n";
        let settings = parse_json(text, &".shipwright.json".into()).expect("valid");
        assert_eq!(settings.namespace.as_deref(), Some("localhost:5000"));
        let names: Vec<(&str, &str)> = settings.names.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(names, [("", "/acme/root"), ("b/{{x}}", "/acme/b"), ("a", "/quay.io/acme/a")]);
        assert_eq!(settings.name_locations.get("a").and_then(|location| location.line), Some(4));
        assert!(settings.diagnostics.is_empty());
    }

    #[test]
    fn null_and_little_are_fine() {
        for text in ["{}", r#"{"version": 1}"#, r#"{"namespace": null}"#] {
            assert_eq!(parse_json(text, &"x".into()).expect(text).namespace, None);
        }
        let settings = parse_json(r#"{"assert_hostname": false}"#, &"x".into()).expect("valid");
        assert_eq!(settings.diagnostics.len(), 1);
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        let text = "{\"namespac\": \"a\",\n\"names\": {\"x\": 3},\n\"version\": 2,\n\"namespace\": \"A\",\n\"tags\": []}";
        assert_eq!(
            errors(text),
            [
                "1: `namespac` is not a setting (did you mean `namespace`?)",
                "2: `x` must be a text ()",
                "3: version 2 of the settings file is not known (1.0 is)",
                "4: `A` is not a namespace: write lower-case words joined by `/`, such as acme or quay.io/acme ()",
                "5: `tags` is not a setting of .shipwright.json (write it in shipwright.toml, with what else this \
                 file says)",
            ]
        );
        assert_eq!(errors("[]"), ["0: the settings file must hold one JSON object ()"]);
        assert_eq!(
            errors("{\"names\": []}"),
            ["1: `names` must be an object of folders and repositories ()"]
        );
    }

    #[test]
    fn syntax_errors_point_at_their_place() {
        assert!(
            errors("{\n  \"namespace\": }")[0]
                .starts_with("2: the settings file is not JSON: expected value")
        );
        for text in ["", "{", "{\"é", "é", "{\"a\": é}", "\n\n"] {
            let errors = parse_json(text, &"x".into()).expect_err(text);
            let span = errors[0].location.clone().and_then(|location| location.span).expect("a span");
            assert!(text.get(span).is_some(), "{text}");
        }
    }
}
