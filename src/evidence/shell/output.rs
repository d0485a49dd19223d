//! What `$(…)` says, where that can be known without running it: mostly where a script lies.

use super::expand::Field;
use super::marks::{ROOT, at_root, sanitized};
use super::parser::{Input, Node, parse};
use super::walk::Walk;
use crate::evidence::Text;
use crate::limits;
use crate::path::TreePath;

impl Walk<'_> {
    pub(super) fn output(&mut self, commands: &str) -> Text {
        if self.depth >= limits::SHELL_DEPTH || self.is_spent() {
            return Text::unknown();
        }
        self.depth += 1;
        self.spend(commands.len() + 1);
        let nodes = parse(commands, 1);
        let text = self.isolated(|walk| walk.last_output(&nodes));
        self.depth -= 1;
        text.filter(|text| text.known().is_none_or(|text| text.len() <= limits::SHELL_VALUE))
            .unwrap_or_else(Text::unknown)
    }

    /// The output of commands of which only the last has one.
    fn last_output(&mut self, nodes: &[Node]) -> Option<Text> {
        // `git rev-parse --show-toplevel || pwd`
        let nodes = match nodes {
            [first @ .., Node::Branches { .. }] => first,
            nodes => nodes,
        };
        let (last, before) = nodes.split_last()?;
        for node in before {
            let Node::Command(command) = node else { return None };
            let fields = self.fields(&command.words);
            if fields.first()?.text.known()? != "cd" {
                return None;
            }
            let target = fields[1..].iter().find(|field| !is_flag(field))?;
            self.state.folder = self.folder_at(&target.text);
        }
        let Node::Command(command) = last else { return None };
        // `$(< FILE)`
        if let ([], Some(Input::File(file))) = (&command.words[..], &command.input) {
            let file = self.text(file);
            return self.content(&file);
        }
        let fields = self.fields(&command.words);
        self.output_of(&fields)
    }

    /// What stands in a file that any clone has, without the ends of lines behind it.
    fn content(&mut self, file: &Text) -> Option<Text> {
        let path = self.resolved(file)?;
        let text = self.door.read(&path).ok()??;
        self.read.insert(path);
        let text = sanitized(text.trim_end_matches(['\r', '\n']));
        (text.len() <= limits::SHELL_VALUE).then(|| Text::from(&*text))
    }

    fn output_of(&mut self, fields: &[Field]) -> Option<Text> {
        let (command, arguments) = fields.split_first()?;
        let plain: Vec<&Text> =
            arguments.iter().filter(|field| !is_flag(field)).map(|field| &field.text).collect();
        let known = |text: String| Some(Text::from(text.as_str()));
        match (&*command.text.known()?, &plain[..]) {
            ("cat", [file]) => self.content(file),
            ("pwd", []) => known(at_root(self.state.folder.as_ref()?)),
            ("realpath" | "readlink", [path]) => known(at_root(&self.resolved(path)?)),
            ("dirname", [path]) => {
                let path = path.known()?;
                let path = path.trim_end_matches('/');
                known(match path.rsplit_once('/') {
                    Some(("", _)) => "/".to_owned(),
                    Some((folder, _)) => folder.to_owned(),
                    None if path.starts_with(ROOT) => return None,
                    None => ".".to_owned(),
                })
            }
            ("basename", [path, suffix @ ..]) => {
                let name = path.after_last_slash().unwrap_or_else(|| (*path).clone()).known()?;
                if name.contains(ROOT) {
                    return None;
                }
                let suffix = suffix.first().map_or(Some(String::new()), |suffix| suffix.known())?;
                known(name.strip_suffix(&*suffix).unwrap_or(&name).to_owned())
            }
            ("git", _)
                if arguments.iter().any(|field| field.text.known().as_deref() == Some("--show-toplevel")) =>
            {
                known(at_root(&TreePath::root()))
            }
            ("echo", texts) => {
                let mut all = Text::default();
                for (index, text) in texts.iter().enumerate() {
                    all.push_str(if index > 0 { " " } else { "" });
                    all.push(text);
                }
                Some(all)
            }
            _ => None,
        }
    }
}

fn is_flag(field: &Field) -> bool {
    field.text.known().is_some_and(|text| text.starts_with('-'))
}
