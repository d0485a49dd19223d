//! Logical lines → typed instructions, in `BuildKit`'s two passes: the first divides a line into keyword,
//! flags and arguments and is all that a nested ONBUILD instruction gets; the second knows what each
//! instruction wants.

use std::ops::Range;

use bstr::ByteSlice;

use super::advice;
use super::error::{LineError, excerpt, suggestion};
use super::flag::{self, Flag, Takes};
use super::heredoc;
use super::instruction::{
    ArgDeclaration, Assignment, CopyInstruction, FromInstruction, InstructionKind, RunInstruction,
};
use super::json::{self, JsonForm};
use super::mount::{Mount, RUN_FLAGS};
use super::text::{Text, Word, is_blank};
use super::verb::Verb;
use super::words;

/// A logical line divided into its parts; all ranges are of that line.
pub(super) struct Node<'t> {
    pub(super) text: &'t Text,
    pub(super) keyword: Range<usize>,
    pub(super) verb: Option<Verb>,
    pub(super) flags: Vec<Flag>,
    pub(super) arguments: Arguments,
    /// All arguments, white space around them removed.
    pub(super) rest: Range<usize>,
    escape: u8,
}

/// The arguments of an instruction, divided as that instruction wants it.
pub(super) enum Arguments {
    Words(Vec<Range<usize>>),
    /// Words between white space, quotes respected.
    Quoted(Vec<Range<usize>>),
    Json(Vec<Word>),
    Text,
}

impl<'t> Node<'t> {
    /// Divides `range` of a line. With a failure there is still a node, whose arguments are one text.
    pub(super) fn new(text: &'t Text, range: Range<usize>, escape: u8) -> (Self, Option<LineError>) {
        let range = text.trim(range);
        let line = text.get(range.clone());
        let length = line.iter().position(|byte| is_blank(*byte)).unwrap_or(line.len());
        let keyword = range.start..range.start + length;
        let (flags, rest) = flag::read(text, keyword.end..range.end);
        let rest = text.trim(rest..range.end);
        let verb = Verb::of(&text.string(keyword.clone()));
        let mut node = Self { text, keyword, verb, flags, arguments: Arguments::Text, rest, escape };
        let failure = match node.divide() {
            Ok(arguments) => {
                node.arguments = arguments;
                None
            }
            Err(failure) => Some(failure),
        };
        (node, failure)
    }

    fn divide(&self) -> Result<Arguments, LineError> {
        let words = || Arguments::Words(words::separated(self.text, self.rest.clone()));
        match self.verb {
            Some(Verb::From | Verb::Expose) => Ok(words()),
            Some(Verb::Add | Verb::Copy | Verb::Volume) => {
                Ok(self.json(self.rest.clone())?.unwrap_or_else(words))
            }
            Some(Verb::Run | Verb::Cmd | Verb::Entrypoint | Verb::Shell) => {
                Ok(self.json(self.rest.clone())?.unwrap_or(Arguments::Text))
            }
            Some(Verb::Healthcheck) => {
                self.json(self.after_first_word())?;
                Ok(Arguments::Text)
            }
            Some(Verb::Arg) => Ok(Arguments::Quoted(self.quoted_words())),
            Some(Verb::Env | Verb::Label) => self.divide_assignments(),
            _ => Ok(Arguments::Text),
        }
    }

    fn json(&self, range: Range<usize>) -> Result<Option<Arguments>, LineError> {
        match json::parse(self.text, range) {
            JsonForm::Strings(words) => Ok(Some(Arguments::Json(words))),
            JsonForm::No => Ok(None),
            JsonForm::Others(range) => {
                let message = "when using JSON array syntax, arrays must be comprised of strings only";
                Err(LineError::text(range, message))
            }
        }
    }

    fn quoted_words(&self) -> Vec<Range<usize>> {
        words::quoted(self.text, self.rest.clone(), self.escape)
    }

    /// `name=value …`, or the old form `name value`, which is one text.
    fn divide_assignments(&self) -> Result<Arguments, LineError> {
        let words = self.quoted_words();
        let Some(first) = words.first() else { return Ok(Arguments::Quoted(words)) };
        if !self.has_equals(first) {
            let has_value = self.text.get(self.rest.clone()).iter().any(|byte| is_blank(*byte));
            let name = self.verb.map_or("", Verb::as_str);
            return if has_value {
                Ok(Arguments::Text)
            } else {
                Err(LineError::text(self.rest.clone(), format!("{name} must have two arguments")))
            };
        }
        match words.iter().find(|word| !self.has_equals(word)) {
            None => Ok(Arguments::Quoted(words)),
            Some(word) => {
                let text = excerpt(&self.text.string(word.clone()));
                let message =
                    format!("Syntax error - can't find = in {text:?}. Must be of the form: name=value");
                Err(LineError::text(word.clone(), message))
            }
        }
    }

    fn has_equals(&self, word: &Range<usize>) -> bool {
        self.text.get(word.clone()).contains(&b'=')
    }

    fn after_first_word(&self) -> Range<usize> {
        let rest = self.text.get(self.rest.clone());
        let space = rest.char_indices().find(|(.., c)| c.is_whitespace());
        let length = space.map_or(rest.len(), |(start, ..)| start);
        self.text.trim(self.rest.start + length..self.rest.end)
    }

    /// Whether here-documents may follow: those of an ONBUILD are those of its instruction.
    pub(super) fn takes_heredocs(&self) -> bool {
        match self.verb {
            Some(Verb::Add | Verb::Copy | Verb::Run) => !matches!(self.arguments, Arguments::Json(_)),
            Some(Verb::Onbuild) => {
                let (nested, failure) = self.nested();
                failure.is_none() && nested.verb != Some(Verb::Onbuild) && nested.takes_heredocs()
            }
            _ => false,
        }
    }

    pub(super) fn nested(&self) -> (Node<'t>, Option<LineError>) {
        Node::new(self.text, self.rest.clone(), self.escape)
    }

    pub(super) fn kind(&self) -> Result<InstructionKind, LineError> {
        let Some(verb) = self.verb else { return Err(self.unknown()) };
        match verb {
            Verb::From => self.from().map(InstructionKind::From),
            Verb::Arg => self.arg().map(InstructionKind::Arg),
            Verb::Env => self.assignments().map(InstructionKind::Env),
            Verb::Copy => self.copy(verb, &COPY_FLAGS).map(InstructionKind::Copy),
            Verb::Add => self.copy(verb, &ADD_FLAGS).map(InstructionKind::Add),
            Verb::Run => self.run().map(InstructionKind::Run),
            Verb::Onbuild => self.check_trigger().map(|()| InstructionKind::Onbuild(None)),
            other => self.check(other).map(|()| InstructionKind::Other(other)),
        }
    }

    /// How it is written.
    pub(super) fn advice(&self) -> String {
        self.verb.map_or_else(|| advice::INSTRUCTION.to_owned(), advice::form)
    }

    fn fail(&self, message: impl Into<String>) -> LineError {
        let range = if self.rest.is_empty() { self.keyword.clone() } else { self.rest.clone() };
        LineError::instruction(range, message)
    }

    fn unknown(&self) -> LineError {
        let keyword = self.text.string(self.keyword.clone());
        let candidate = suggestion(&keyword.to_uppercase(), Verb::ALL.iter().map(|(name, _)| *name));
        let message = format!("unknown instruction: {}", excerpt(&keyword));
        let hint = candidate.map(|candidate| format!("did you mean {candidate}?"));
        LineError::instruction(self.keyword.clone(), message).hint(hint)
    }

    fn count(&self) -> usize {
        match &self.arguments {
            Arguments::Words(words) | Arguments::Quoted(words) => words.len(),
            Arguments::Json(words) => words.len(),
            Arguments::Text => usize::from(!self.rest.is_empty()),
        }
    }

    fn words(&self) -> Vec<Word> {
        match &self.arguments {
            Arguments::Words(words) | Arguments::Quoted(words) => {
                words.iter().map(|word| self.text.word(word.clone())).collect()
            }
            Arguments::Json(words) => words.clone(),
            Arguments::Text if self.rest.is_empty() => Vec::new(),
            Arguments::Text => vec![self.text.word(self.rest.clone())],
        }
    }

    fn at_least_one(&self, verb: Verb) -> Result<(), LineError> {
        match self.count() {
            0 => Err(self.fail(format!("{} requires at least one argument", verb.as_str()))),
            _ => Ok(()),
        }
    }

    fn exactly_one(&self, verb: Verb) -> Result<(), LineError> {
        match self.count() {
            1 => Ok(()),
            _ => Err(self.fail(format!("{} requires exactly one argument", verb.as_str()))),
        }
    }

    fn from(&self) -> Result<FromInstruction, LineError> {
        let words = self.words();
        let (base, name) = match &words[..] {
            [base] => (base, None),
            [base, keyword, name] if keyword.text.eq_ignore_ascii_case("as") => (base, Some(name)),
            _ => {
                let has_comment = words.iter().any(|word| word.text.starts_with('#'));
                let hint = has_comment.then(|| "a comment stands on a line of its own".to_owned());
                return Err(self.fail("FROM requires either one or three arguments").hint(hint));
            }
        };
        let name = name.map(|name| self.stage_name(name)).transpose()?;
        flag::check(&self.flags, &FROM_FLAGS)?;
        Ok(FromInstruction { base: base.clone(), name, platform: self.flag_word("platform")? })
    }

    fn stage_name(&self, name: &Word) -> Result<Word, LineError> {
        let text = name.text.to_lowercase();
        let is_valid = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
        if is_valid {
            return Ok(Word { text, span: name.span.clone() });
        }
        let range = match &self.arguments {
            Arguments::Words(words) => words.last().cloned().unwrap_or_else(|| self.rest.clone()),
            _ => self.rest.clone(),
        };
        let message = format!(
            "invalid name for build stage: {:?}, name can't start with a number or contain symbols",
            excerpt(&name.text)
        );
        let hint = "a letter comes first, then letters, digits, `-`, `_` and `.`".to_owned();
        Err(LineError::instruction(range, message).hint(Some(hint)))
    }

    /// The value of a flag, where it is not empty.
    fn flag_word(&self, name: &str) -> Result<Option<Word>, LineError> {
        let Some(flag) = self.flags.iter().find(|flag| flag.name == name) else { return Ok(None) };
        let Some(value) = flag.value.as_ref().filter(|value| !value.bytes().is_empty()) else {
            return Ok(None);
        };
        let message = "quotes around parts of a value cannot be read";
        let word = value.word(self.text).ok_or_else(|| LineError::instruction(flag.range.clone(), message));
        word.map(Some)
    }

    fn arg(&self) -> Result<Vec<ArgDeclaration>, LineError> {
        self.at_least_one(Verb::Arg)?;
        self.words()
            .into_iter()
            .map(|word| match word.text.split_once('=') {
                Some(("", _)) => Err(self.fail("ARG names can not be blank")),
                Some((name, value)) => {
                    Ok(ArgDeclaration { name: name.into(), default: Some(value.into()), span: word.span })
                }
                None => Ok(ArgDeclaration { name: word.text, default: None, span: word.span }),
            })
            .collect()
    }

    fn assignments(&self) -> Result<Vec<Assignment>, LineError> {
        let verb = self.verb.unwrap_or(Verb::Env);
        flag::check(&self.flags, &[])?;
        self.at_least_one(verb)?;
        let pairs: Vec<(String, String, Range<usize>)> = match &self.arguments {
            Arguments::Text => {
                let rest = self.text.get(self.rest.clone());
                let length = rest.iter().position(|byte| is_blank(*byte)).unwrap_or(rest.len());
                let name = self.rest.start..self.rest.start + length;
                let blanks = rest[length..].iter().take_while(|byte| is_blank(**byte)).count();
                let value = name.end + blanks..self.rest.end;
                let span = self.text.span(self.rest.clone());
                vec![(self.text.string(name), self.text.string(value), span)]
            }
            _ => self
                .words()
                .into_iter()
                .filter_map(|word| {
                    let (name, value) = word.text.split_once('=')?;
                    Some((name.to_owned(), value.to_owned(), word.span))
                })
                .collect(),
        };
        if pairs.iter().any(|(name, ..)| name.is_empty()) {
            return Err(self.fail(format!("{} names can not be blank", verb.as_str())));
        }
        Ok(pairs.into_iter().map(|(name, value, span)| Assignment { name, value, span }).collect())
    }

    fn copy(&self, verb: Verb, flags: &[(&str, Takes)]) -> Result<CopyInstruction, LineError> {
        let mut words = self.words();
        let destination = words.pop().filter(|_| !words.is_empty()).ok_or_else(|| {
            self.fail(format!(
                "{} requires at least two arguments, but only one was provided. Destination could not be determined",
                verb.as_str()
            ))
        })?;
        flag::check(&self.flags, flags)?;
        if is_heredoc(&destination) {
            return Err(self.fail(format!("{} cannot accept a heredoc as a destination", verb.as_str())));
        }
        let (heredocs, sources): (Vec<Word>, Vec<Word>) = words.into_iter().partition(is_heredoc);
        let heredocs = heredocs
            .iter()
            .filter_map(|word| heredoc::announced(&word.text).ok().flatten())
            .map(|heredoc| heredoc.name)
            .collect();
        Ok(CopyInstruction {
            from: self.flag_word("from")?,
            sources,
            elsewhere: self.json_in_front(),
            heredocs,
            destination,
            checksum: self.flag_word("checksum")?,
        })
    }

    /// The sources of a JSON form that something follows.
    fn json_in_front(&self) -> Vec<Word> {
        if !matches!(self.arguments, Arguments::Words(_))
            || !self.text.get(self.rest.clone()).starts_with(b"[")
        {
            return Vec::new();
        }
        let mut words = json::in_front(self.text, self.rest.clone()).unwrap_or_default();
        words.pop();
        words
    }

    fn run(&self) -> Result<RunInstruction, LineError> {
        flag::check(&self.flags, &RUN_FLAGS)?;
        let mounts = self.flags.iter().filter(|flag| flag.name == "mount");
        let mounts: Result<_, _> = mounts.map(|flag| Mount::parse(flag, self.text)).collect();
        Ok(RunInstruction { mounts: mounts? })
    }

    fn check_trigger(&self) -> Result<(), LineError> {
        self.at_least_one(Verb::Onbuild)?;
        flag::check(&self.flags, &[])?;
        let nested = words::separated(self.text, self.rest.clone()).into_iter().next();
        let keyword = nested.unwrap_or_else(|| self.rest.clone());
        match Verb::of(&self.text.string(keyword.clone())) {
            Some(Verb::Onbuild) => {
                Err(LineError::instruction(keyword, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"))
            }
            Some(verb @ (Verb::Maintainer | Verb::From)) => {
                let message = format!("{} isn't allowed as an ONBUILD trigger", verb.as_str());
                Err(LineError::instruction(keyword, message))
            }
            _ => Ok(()),
        }
    }

    fn check(&self, verb: Verb) -> Result<(), LineError> {
        match verb {
            Verb::Healthcheck => self.check_healthcheck(),
            Verb::Label => self.assignments().map(|_| ()),
            Verb::Stopsignal => self.exactly_one(verb),
            Verb::Maintainer | Verb::User | Verb::Workdir => {
                self.exactly_one(verb)?;
                flag::check(&self.flags, &[])
            }
            Verb::Expose => {
                self.at_least_one(verb)?;
                flag::check(&self.flags, &[])
            }
            Verb::Volume => {
                self.at_least_one(verb)?;
                flag::check(&self.flags, &[])?;
                if self.words().iter().any(|word| word.text.trim().is_empty()) {
                    return Err(self.fail("VOLUME specified can not be an empty string"));
                }
                Ok(())
            }
            Verb::Shell => {
                flag::check(&self.flags, &[])?;
                self.at_least_one(verb)?;
                match self.arguments {
                    Arguments::Json(_) => Ok(()),
                    _ => {
                        let disputed = json::in_front(self.text, self.rest.clone()).is_some();
                        let failure = self.fail("SHELL requires the arguments to be in JSON form");
                        Err(LineError { disputed, ..failure })
                    }
                }
            }
            _ => flag::check(&self.flags, &[]),
        }
    }

    fn check_healthcheck(&self) -> Result<(), LineError> {
        self.at_least_one(Verb::Healthcheck)?;
        let command = self.after_first_word();
        let kind = self.text.string(self.rest.start..command.start).trim().to_uppercase();
        if kind == "NONE" {
            if command.is_empty() {
                return Ok(());
            }
            return Err(self.fail("HEALTHCHECK NONE takes no arguments"));
        }
        flag::check(&self.flags, &HEALTHCHECK_FLAGS)?;
        let has_command = match json::parse(self.text, command.clone()) {
            JsonForm::Strings(words) => !words.is_empty(),
            _ => !command.is_empty(),
        };
        match kind.as_str() {
            "CMD" if has_command => Ok(()),
            "CMD" => Err(self.fail("Missing command after HEALTHCHECK CMD")),
            _ => Err(self.fail(format!("Unknown type {:?} in HEALTHCHECK (try CMD)", excerpt(&kind)))),
        }
    }
}

fn is_heredoc(word: &Word) -> bool {
    heredoc::announced(&word.text).is_ok_and(|heredoc| heredoc.is_some())
}

const FROM_FLAGS: [(&str, Takes); 1] = [("platform", Takes::Value)];

const COPY_FLAGS: [(&str, Takes); 6] = [
    ("from", Takes::Value),
    ("chown", Takes::Value),
    ("chmod", Takes::Value),
    ("link", Takes::Boolean),
    ("parents", Takes::Boolean),
    ("exclude", Takes::Values),
];

const ADD_FLAGS: [(&str, Takes); 7] = [
    ("chown", Takes::Value),
    ("chmod", Takes::Value),
    ("link", Takes::Boolean),
    ("keep-git-dir", Takes::Boolean),
    ("checksum", Takes::Value),
    ("unpack", Takes::Boolean),
    ("exclude", Takes::Values),
];

const HEALTHCHECK_FLAGS: [(&str, Takes); 5] = [
    ("interval", Takes::Value),
    ("timeout", Takes::Value),
    ("start-period", Takes::Value),
    ("start-interval", Takes::Value),
    ("retries", Takes::Value),
];
