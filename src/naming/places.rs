use std::collections::HashMap;
use std::fmt::Write;

use super::candidate::Candidate;
use crate::discovery::FileNameForm;
use crate::path::TreePath;
use crate::printable::printable;

/// The Dockerfiles of all images.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    paths: Vec<TreePath>,
    aside: Vec<bool>,
    in_folder: HashMap<TreePath, usize>,
}

impl Places {
    pub(super) fn new(candidates: &[Candidate<'_>]) -> Self {
        let mut places = Self::default();
        for candidate in candidates {
            places.paths.push(candidate.path.clone());
            places.aside.push(candidate.aside);
            *places.in_folder.entry(candidate.path.parent().unwrap_or_default()).or_default() += 1;
        }
        places
    }

    pub(super) fn is_aside(&self, image: usize) -> bool {
        self.aside[image]
    }

    pub(super) fn path(&self, image: usize) -> &TreePath {
        &self.paths[image]
    }

    /// What names an image in the settings: its folder where that is clear, else its Dockerfile.
    pub(super) fn settings_key(&self, image: usize) -> String {
        let path = self.path(image);
        let folder = path.parent().unwrap_or_default();
        let alone = self.in_folder.get(&folder) == Some(&1);
        let plain = FileNameForm::of(path.file_name()) == FileNameForm::Plain;
        if alone && plain && !folder.is_root() { folder.to_text() } else { path.to_text() }
    }
}

/// A string as TOML writes it.
pub(crate) fn toml_string(text: &str) -> String {
    let mut result = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => result.extend(['\\', c]),
            '\n' => result.push_str("\\n"),
            '\t' => result.push_str("\\t"),
            c if c.is_control() || printable(c.encode_utf8(&mut [0; 4])).len() > c.len_utf8() => {
                let code = u32::from(c);
                let _ = write!(result, "\\u{code:04X}");
            }
            c => result.push(c),
        }
    }
    result.push('"');
    result
}
