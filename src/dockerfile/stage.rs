use std::ops::Range;

use super::text::Word;

/// A build stage: a FROM and the instructions that follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The name (`AS name`) in lower case.
    pub name: Option<String>,
    /// The image or stage it begins with, as written; nothing if its FROM has an error.
    pub base: Option<Word>,
    pub platform: Option<Word>,
    /// Its instructions in `Dockerfile::instructions`; the first is the FROM.
    pub instructions: Range<usize>,
    /// The line of its FROM, from 1.
    pub line: usize,
}
