//! From tokens to lists of commands. What is not understood ends the reading there; what was read stands.

use std::rc::Rc;

use super::lexer::{Direction, Token, What, tokens};
use super::word::{Word, is_name};
use crate::limits;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Command(Command),
    /// `( … )`: the folder and the variables of it end with it.
    Subshell(Vec<Node>),
    Group(Vec<Node>),
    /// Of several lists one, or none.
    Branches {
        arms: Vec<Vec<Node>>,
        is_exhaustive: bool,
        unset: Option<String>,
    },
    /// A loop of unknown length. `over_arguments`: it reads what the script was called with.
    Loop {
        over_arguments: bool,
        body: Vec<Node>,
    },
    For {
        name: String,
        values: Option<Vec<Word>>,
        body: Vec<Node>,
    },
    Function {
        name: String,
        body: Rc<Vec<Node>>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub line: usize,
    /// Which command of the script this is.
    pub index: usize,
    pub assignments: Vec<Assignment>,
    pub words: Vec<Word>,
    pub input: Option<Input>,
}

/// What a command reads from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    File(Word),
    Text(Word),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub name: String,
    pub adds: bool,
    pub value: Assigned,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Assigned {
    Word(Word),
    List(Vec<Word>),
}

pub(super) fn parse(text: &str, line: usize) -> Vec<Node> {
    let tokens = tokens(text, line);
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, commands: 0 };
    let mut nodes = Vec::new();
    // A stray `)`, `done` or `esac` is passed over.
    while parser.at < tokens.len() {
        nodes.extend(parser.list(&[]));
        parser.at += 1;
    }
    nodes
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: usize,
    commands: usize,
}

const ENDS: [&str; 8] = ["then", "elif", "else", "fi", "do", "done", "esac", "}"];

impl Parser<'_> {
    fn what(&self) -> Option<&What> {
        self.tokens.get(self.at).map(|token| &token.what)
    }

    fn is_operator(&self, operator: &str) -> bool {
        matches!(self.what(), Some(What::Operator(found)) if *found == operator)
    }

    fn plain(&self) -> Option<&str> {
        match self.what() {
            Some(What::Word(word)) => word.plain(),
            _ => None,
        }
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = self.plain() == Some(word);
        self.at += usize::from(found);
        found
    }

    fn takes_operator(&mut self, operator: &str) -> bool {
        let found = self.is_operator(operator);
        self.at += usize::from(found);
        found
    }

    fn skip_newlines(&mut self) {
        while matches!(self.what(), Some(What::Newline)) {
            self.at += 1;
        }
    }

    /// Commands up to a word or an operator that ends them, which is left.
    fn list(&mut self, ends: &[&str]) -> Vec<Node> {
        let mut nodes = Vec::new();
        if self.depth >= limits::SHELL_DEPTH {
            self.at = self.tokens.len();
            return nodes;
        }
        self.depth += 1;
        loop {
            match self.what() {
                None | Some(What::Operator(")" | ";;" | ";&" | ";;&")) => break,
                Some(What::Newline | What::Operator(_)) if !self.is_operator("(") => self.at += 1,
                _ if self.plain().is_some_and(|word| ends.contains(&word) || ENDS.contains(&word)) => break,
                _ => self.and_or(&mut nodes),
            }
        }
        self.depth -= 1;
        nodes
    }

    /// `a && b || c | d`.
    fn and_or(&mut self, nodes: &mut Vec<Node>) {
        let start = self.at;
        let Some(first) = self.command() else {
            self.at = self.at.max(start + 1);
            return;
        };
        self.at = self.at.max(start + 1);
        let is_test = is_test(&first);
        let unset = unset(std::slice::from_ref(&first));
        nodes.push(first);
        let mut rest = Vec::new();
        let mut is_conditional = is_test;
        while let Some(What::Operator(operator @ ("&&" | "||" | "|" | "|&"))) = self.what() {
            is_conditional |= *operator == "||";
            let is_pipe = *operator == "|";
            self.at += 1;
            self.skip_newlines();
            let start = self.at;
            let node = self.command();
            self.at = self.at.max(start + usize::from(node.is_some()));
            let Some(mut node) = node else { break };
            if let Node::Command(command) = &mut node
                && is_pipe
                && command.input.is_none()
            {
                command.input = rest.last().or(nodes.last()).and_then(file_that_is_shown).map(Input::File);
            }
            if is_conditional { rest.push(node) } else { nodes.push(node) }
        }
        if !rest.is_empty() {
            nodes.push(Node::Branches { arms: vec![rest], is_exhaustive: false, unset });
        }
    }

    fn command(&mut self) -> Option<Node> {
        if self.takes_operator("(") {
            let nodes = self.list(&[]);
            self.takes_operator(")");
            self.skip_redirects();
            return Some(Node::Subshell(nodes));
        }
        let word = self.plain().unwrap_or_default().to_owned();
        let node = match &*word {
            "{" => {
                self.at += 1;
                let nodes = self.list(&["}"]);
                self.takes("}");
                Node::Group(nodes)
            }
            "if" => self.branches(),
            "for" | "select" => self.for_loop(),
            "while" | "until" => {
                self.at += 1;
                let condition = self.list(&["do"]);
                let over_arguments = reads_arguments(&condition);
                let mut body = condition;
                self.takes("do");
                body.extend(self.list(&["done"]));
                self.takes("done");
                Node::Loop { over_arguments, body }
            }
            "case" => self.case(),
            "function" => {
                self.at += 1;
                let name = self.plain()?.to_owned();
                self.at += 1;
                if self.takes_operator("(") {
                    self.takes_operator(")");
                }
                return self.function(name);
            }
            "!" | "time" => {
                self.at += 1;
                return self.nested();
            }
            "[[" => {
                let mut words = Vec::new();
                while !matches!(self.what(), None | Some(What::Newline)) && self.plain() != Some("]]") {
                    if let Some(What::Word(word)) = self.what() {
                        words.push(word.clone());
                    }
                    self.at += 1;
                }
                self.takes("]]");
                return Some(Node::Command(Command { words, ..Command::default() }));
            }
            _ => return self.simple(),
        };
        self.skip_redirects();
        Some(node)
    }

    /// A command within one, such as behind `!`.
    fn nested(&mut self) -> Option<Node> {
        if self.depth >= limits::SHELL_DEPTH {
            self.at = self.tokens.len();
            return None;
        }
        self.depth += 1;
        let node = self.command();
        self.depth -= 1;
        node
    }

    fn skip_redirects(&mut self) {
        while matches!(self.what(), Some(What::Redirect(_))) {
            self.at += 2;
        }
    }

    fn branches(&mut self) -> Node {
        let (mut arms, mut is_exhaustive, mut first_unset) = (Vec::new(), false, None);
        while self.takes("if") || self.takes("elif") {
            let condition = self.list(&["then"]);
            if arms.is_empty() {
                first_unset = unset(&condition);
            }
            self.takes("then");
            let mut arm = condition;
            arm.extend(self.list(&["elif", "else", "fi"]));
            arms.push(arm);
            if self.plain() != Some("elif") {
                break;
            }
        }
        if self.takes("else") {
            arms.push(self.list(&["fi"]));
            is_exhaustive = true;
        }
        self.takes("fi");
        let unset = first_unset.filter(|_| arms.len() == 1);
        Node::Branches { arms, is_exhaustive, unset }
    }

    fn for_loop(&mut self) -> Node {
        self.at += 1;
        let name = self.plain().filter(|name| is_name(name)).unwrap_or_default().to_owned();
        self.at += 1;
        self.skip_newlines();
        let mut values = None;
        if !name.is_empty() && self.takes("in") {
            values = Some(self.words());
        }
        // `for ((i = 0; …))`
        while self.what().is_some() && self.plain() != Some("do") {
            self.at += 1;
        }
        self.takes("do");
        let body = self.list(&["done"]);
        self.takes("done");
        Node::For { name, values, body }
    }

    fn case(&mut self) -> Node {
        self.at += 2;
        self.skip_newlines();
        self.takes("in");
        let mut arms = Vec::new();
        let mut is_exhaustive = false;
        loop {
            while matches!(self.what(), Some(What::Newline | What::Operator(";;" | ";&" | ";;&"))) {
                self.at += 1;
            }
            if self.what().is_none() || self.takes("esac") {
                return Node::Branches { arms, is_exhaustive, unset: None };
            }
            self.takes_operator("(");
            is_exhaustive |= self.plain() == Some("*");
            while self.what().is_some() && !self.is_operator(")") {
                self.at += 1;
            }
            self.takes_operator(")");
            let start = self.at;
            arms.push(self.list(&["esac"]));
            // What ends no arm.
            if !matches!(self.what(), None | Some(What::Operator(";;" | ";&" | ";;&")))
                && self.plain() != Some("esac")
            {
                self.at = self.at.max(start) + 1;
            }
        }
    }

    fn function(&mut self, name: String) -> Option<Node> {
        self.skip_newlines();
        let body = match self.nested()? {
            Node::Group(nodes) => nodes,
            node => vec![node],
        };
        Some(Node::Function { name, body: Rc::new(body) })
    }

    /// Words up to the end of the command.
    fn words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        loop {
            match self.what() {
                Some(What::Word(word)) => words.push(word.clone()),
                Some(What::Redirect(_)) => self.at += 1,
                _ => return words,
            }
            self.at += 1;
        }
    }

    fn simple(&mut self) -> Option<Node> {
        let line = self.tokens.get(self.at)?.line;
        self.commands += 1;
        let mut command = Command { line, index: self.commands, ..Command::default() };
        loop {
            match self.what() {
                Some(What::Word(word)) => {
                    let declares = command.words.first().and_then(Word::plain).is_some_and(is_declaration);
                    match word.assignment() {
                        Some((name, adds, value)) if command.words.is_empty() || declares => {
                            let value = Assigned::Word(value);
                            command.assignments.push(Assignment { name: name.to_owned(), adds, value });
                        }
                        _ => command.words.push(word.clone()),
                    }
                    self.at += 1;
                }
                Some(What::List { name, adds }) => {
                    let (name, adds) = (name.clone(), *adds);
                    self.at += 1;
                    let value = Assigned::List(self.list_words());
                    command.assignments.push(Assignment { name, adds, value });
                }
                Some(What::Redirect(direction)) => {
                    let direction = *direction;
                    self.at += 1;
                    if let (Some(What::Word(word)), true) = (self.what(), direction != Direction::Other) {
                        let is_file = direction == Direction::Input;
                        let input = if is_file { Input::File } else { Input::Text };
                        command.input = Some(input(word.clone()));
                    }
                    self.at += 1;
                }
                Some(What::Operator("(")) => {
                    // `name() { … }`
                    let name = command.words.first().and_then(Word::plain)?.to_owned();
                    self.at += 1;
                    if !self.takes_operator(")") {
                        return None;
                    }
                    return self.function(name);
                }
                _ => return Some(Node::Command(command)),
            }
        }
    }

    fn list_words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        loop {
            match self.what() {
                None => return words,
                Some(What::Operator(")")) => {
                    self.at += 1;
                    return words;
                }
                Some(What::Word(word)) => words.push(word.clone()),
                _ => {}
            }
            self.at += 1;
        }
    }
}

pub(super) fn is_declaration(word: &str) -> bool {
    matches!(word, "export" | "readonly" | "local" | "declare" | "typeset")
}

fn first_word(node: &Node) -> Option<&str> {
    match node {
        Node::Command(command) => command.words.first().and_then(Word::plain),
        _ => None,
    }
}

/// The file whose text a command passes on: `cat FILE`.
fn file_that_is_shown(node: &Node) -> Option<Word> {
    match node {
        Node::Command(command) if first_word(node) == Some("cat") => match &command.words[1..] {
            [file] => Some(file.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn is_test(node: &Node) -> bool {
    first_word(node).is_some_and(|word| matches!(word, "[" | "[[" | "test"))
}

/// The variable that a condition asks for whether it is empty: `[ -z "$NAME" ]`.
fn unset(condition: &[Node]) -> Option<String> {
    use super::word::{Operator, Piece};
    let [Node::Command(command)] = condition else { return None };
    let [test, flag, word, ..] = &command.words[..] else { return None };
    if !matches!(test.plain(), Some("[" | "[[" | "test")) || flag.plain() != Some("-z") {
        return None;
    }
    let mut variables = word.0.iter().filter_map(|piece| match piece {
        Piece::Variable { variable, .. } => Some(variable),
        _ => None,
    });
    let variable = variables.next()?;
    let is_plain = matches!(variable.operator, None | Some((Operator::Default { .. }, _)));
    is_plain.then(|| variable.name.clone())
}

/// Whether a loop's condition looks at what the script was called with.
fn reads_arguments(condition: &[Node]) -> bool {
    use super::word::Piece;
    condition.iter().any(|node| match node {
        Node::Command(command) => {
            first_word(node) == Some("getopts")
                || command.words.iter().flat_map(|word| &word.0).any(|piece| {
                    matches!(piece, Piece::Variable { variable, .. } if matches!(&*variable.name, "#" | "1" | "@" | "*"))
                })
        }
        Node::Group(nodes) | Node::Subshell(nodes) => reads_arguments(nodes),
        _ => false,
    })
}
