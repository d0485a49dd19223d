//! From the text of a script to its words and operators. One pass; what is not closed reaches to the end.

use super::marks::UNKNOWN;
use super::word::{Index, Operator, Piece, Variable, Word};
use crate::limits;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub what: What,
    pub line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Word(Word),
    /// `NAME=(`: the words up to `)` are a list.
    List {
        name: String,
        adds: bool,
    },
    /// The next word is a file, not an argument.
    Redirect(Direction),
    /// `&&`, `||`, `;`, `;;`, `&`, `|`, `(`, `)`.
    Operator(&'static str),
    Newline,
}

/// What a redirect is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// `< FILE`
    Input,
    /// `<<< TEXT`
    Text,
    Other,
}

pub(super) fn tokens(text: &str, line: usize) -> Vec<Token> {
    let mut lexer = Lexer { rest: text, line, tokens: Vec::new(), heredocs: Vec::new() };
    while lexer.token() {}
    lexer.tokens
}

struct Lexer<'t> {
    rest: &'t str,
    line: usize,
    tokens: Vec<Token>,
    /// The ends of the texts that begin with the next line, and whether tabs may stand before them.
    heredocs: Vec<(String, bool)>,
}

const OPERATORS: [&str; 11] = ["&&", "||", ";;&", ";;", ";&", ";", "|&", "|", "&", "(", ")"];

impl<'t> Lexer<'t> {
    fn push(&mut self, what: What) {
        self.tokens.push(Token { what, line: self.line });
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn token(&mut self) -> bool {
        let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
        self.take(blank);
        let Some(first) = self.rest.chars().next() else { return false };
        match first {
            '\n' => {
                self.push(What::Newline);
                self.take(1);
                self.skip_heredocs();
            }
            '#' => {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.take(end);
            }
            '\\' if self.rest.starts_with("\\\n") => {
                self.take(2);
            }
            '&' if self.rest.starts_with("&>") => {
                self.take(1);
                self.redirect();
            }
            '<' | '>' => self.redirect(),
            _ => match OPERATORS.iter().find(|operator| self.rest.starts_with(**operator)) {
                Some(operator) => {
                    self.push(What::Operator(operator));
                    self.take(operator.len());
                }
                None => self.word(),
            },
        }
        true
    }

    fn redirect(&mut self) {
        if self.rest.starts_with("<(") || self.rest.starts_with(">(") {
            let end = closing(&self.rest[2..]).map_or(self.rest.len(), |end| end + 3);
            self.push(What::Word(Word(vec![Piece::Unknown { is_quoted: true }])));
            self.take(end);
            return;
        }
        let is_heredoc = self.rest.starts_with("<<") && !self.rest.starts_with("<<<");
        let signs = self.rest.len() - self.rest.trim_start_matches(['<', '>', '&', '|', '-']).len();
        let signs = self.take(signs);
        let tabs = signs.ends_with('-');
        if is_heredoc {
            let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
            self.take(blank);
            let end =
                self.rest.find([' ', '\t', '\n', ';', '|', '&', ')', '>', '<']).unwrap_or(self.rest.len());
            let delimiter = self.take(end).replace(['\'', '"', '\\'], "");
            self.heredocs.push((delimiter, tabs));
        } else {
            self.push(What::Redirect(match signs {
                "<" => Direction::Input,
                "<<<" => Direction::Text,
                _ => Direction::Other,
            }));
        }
    }

    fn skip_heredocs(&mut self) {
        for (delimiter, tabs) in std::mem::take(&mut self.heredocs) {
            while !self.rest.is_empty() {
                let end = self.rest.find('\n').map_or(self.rest.len(), |end| end + 1);
                let line = self.take(end).trim_end_matches('\n');
                if (if tabs { line.trim_start_matches('\t') } else { line }) == delimiter {
                    break;
                }
            }
        }
    }

    fn word(&mut self) {
        let line = self.line;
        let mut word = Word::default();
        while let Some(char) = self.rest.chars().next() {
            match char {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | ')' => break,
                '(' => match word.assignment() {
                    Some((name, adds, value)) if value.0.is_empty() => {
                        let what = What::List { name: name.to_owned(), adds };
                        self.tokens.push(Token { what, line });
                        self.take(1);
                        return;
                    }
                    _ => break,
                },
                '<' | '>' => {
                    // `2>file`
                    if word.plain().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
                        word = Word::default();
                    }
                    if word.0.is_empty() {
                        return;
                    }
                    break;
                }
                _ => self.piece(&mut word),
            }
        }
        self.tokens.push(Token { what: What::Word(word), line });
    }

    /// Takes one piece of a word that is not in quotes, or one text in quotes.
    fn piece(&mut self, word: &mut Word) {
        match self.rest.as_bytes().first() {
            Some(b'\'') => {
                let end = self.rest[1..].find('\'').map_or(self.rest.len(), |end| end + 2);
                let text = self.take(end);
                let text = text[1..].strip_suffix('\'').unwrap_or(&text[1..]).to_owned();
                word.0.push(Piece::Literal { text, is_quoted: true });
            }
            Some(b'"') => {
                self.take(1);
                word.0.push(Piece::Literal { text: String::new(), is_quoted: true });
                while let Some(char) = self.rest.chars().next() {
                    if char == '"' {
                        self.take(1);
                        break;
                    }
                    let length = inner_piece(self.rest, true, 0, word);
                    self.take(length);
                }
            }
            _ => {
                let length = inner_piece(self.rest, false, 0, word);
                self.take(length);
            }
        }
    }
}

/// Adds the character, the variable or the substitution at the beginning of `rest` to `word`, and says how long it is.
fn inner_piece(rest: &str, is_quoted: bool, depth: usize, word: &mut Word) -> usize {
    let mut chars = rest.chars();
    let Some(first) = chars.next() else { return 0 };
    match (first, chars.next()) {
        ('\\', Some('\n')) => 2,
        ('\\', Some(next)) => {
            if is_quoted && !matches!(next, '$' | '`' | '"' | '\\') {
                word.push_char('\\', true);
            }
            word.push_char(next, true);
            1 + next.len_utf8()
        }
        ('`', _) => {
            let mut end = None;
            let mut is_escaped = false;
            for (at, byte) in rest.bytes().enumerate().skip(1) {
                match byte {
                    b'`' if !is_escaped => {
                        end = Some(at);
                        break;
                    }
                    _ => is_escaped = byte == b'\\' && !is_escaped,
                }
            }
            let commands = rest[1..end.unwrap_or(rest.len())].to_owned();
            word.0.push(Piece::Output { commands, is_quoted });
            end.map_or(rest.len(), |end| end + 1)
        }
        ('$', Some('(')) => {
            let end = closing(&rest[2..]);
            let commands = &rest[2..end.map_or(rest.len(), |end| end + 2)];
            word.0.push(if commands.starts_with('(') {
                Piece::Unknown { is_quoted }
            } else {
                Piece::Output { commands: commands.to_owned(), is_quoted }
            });
            end.map_or(rest.len(), |end| end + 3)
        }
        ('$', Some('{')) => braced(rest, is_quoted, depth, word),
        ('$', Some('\'' | '"')) if !is_quoted => 1,
        ('$', Some(next)) if next.is_ascii_alphabetic() || next == '_' => {
            let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
            let name: String = rest[1..].chars().take_while(|char| is_part(*char)).collect();
            let length = 1 + name.len();
            let variable = Variable { name, index: Index::First, operator: None };
            word.0.push(Piece::Variable { variable, is_quoted });
            length
        }
        ('$', Some(next)) if next.is_ascii_digit() || "@*#?!$-".contains(next) => {
            let index = if "@*".contains(next) { Index::All } else { Index::First };
            let variable = Variable { name: next.to_string(), index, operator: None };
            word.0.push(Piece::Variable { variable, is_quoted });
            2
        }
        (UNKNOWN, _) => {
            word.0.push(Piece::Unknown { is_quoted });
            1
        }
        _ => {
            word.push_char(first, is_quoted);
            first.len_utf8()
        }
    }
}

/// `${…}` at the beginning of `rest`.
fn braced(rest: &str, is_quoted: bool, depth: usize, word: &mut Word) -> usize {
    let unknown = |word: &mut Word| {
        word.0.push(Piece::Unknown { is_quoted });
        closing_brace(&rest[2..]).map_or(rest.len(), |end| end + 3)
    };
    if depth >= limits::SHELL_DEPTH {
        return unknown(word);
    }
    let inside = &rest[2..];
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let mut name: String = inside.chars().take_while(|char| is_part(*char)).collect();
    if name.is_empty() && inside.starts_with(['@', '*']) {
        inside[..1].clone_into(&mut name);
    }
    if name.is_empty() {
        return unknown(word);
    }
    let mut at = 2 + name.len();
    let mut index = if matches!(&*name, "@" | "*") { Index::All } else { Index::First };
    if rest[at..].starts_with('[') {
        // An index is short; looking for its end through all that follows would take time without bounds.
        let Some(end) = rest.as_bytes()[at..].iter().take(64).position(|byte| *byte == b']') else {
            return unknown(word);
        };
        index = match &rest[at + 1..at + end] {
            "@" | "*" => Index::All,
            "0" => Index::First,
            _ => Index::Other,
        };
        at += end + 1;
    }
    let (operator, length) = operator(&rest[at..]);
    at += length;
    let Some(operator) = operator else {
        if rest[at..].starts_with('}') {
            let variable = Variable { name, index, operator: None };
            word.0.push(Piece::Variable { variable, is_quoted });
            return at + 1;
        }
        return unknown(word);
    };
    let mut operand = Word::default();
    let mut in_quotes = false;
    loop {
        match rest[at..].chars().next() {
            None => break,
            Some('}') if !in_quotes => {
                at += 1;
                break;
            }
            Some('"') => {
                in_quotes = !in_quotes;
                at += 1;
            }
            Some('\'') if !is_quoted && !in_quotes => {
                let end = rest[at + 1..].find('\'').map_or(rest.len(), |end| at + end + 2);
                let text = rest[at + 1..end].trim_end_matches('\'').to_owned();
                operand.0.push(Piece::Literal { text, is_quoted: true });
                at = end;
            }
            Some(_) => at += inner_piece(&rest[at..], in_quotes, depth + 1, &mut operand),
        }
    }
    let variable = Variable { name, index, operator: Some((operator, operand)) };
    word.0.push(Piece::Variable { variable, is_quoted });
    at
}

fn operator(rest: &str) -> (Option<Operator>, usize) {
    const ALL: [(&str, Operator); 16] = [
        (":-", Operator::Default { assigns: false, or_empty: true }),
        (":=", Operator::Default { assigns: true, or_empty: true }),
        (":+", Operator::Alternative { or_empty: true }),
        (":?", Operator::Demand),
        ("-", Operator::Default { assigns: false, or_empty: false }),
        ("=", Operator::Default { assigns: true, or_empty: false }),
        ("+", Operator::Alternative { or_empty: false }),
        ("?", Operator::Demand),
        ("##", Operator::Front { longest: true }),
        ("#", Operator::Front { longest: false }),
        ("%%", Operator::Back { longest: true }),
        ("%", Operator::Back { longest: false }),
        ("//", Operator::Replace { all: true }),
        ("/", Operator::Replace { all: false }),
        (",,", Operator::Lower),
        ("^^", Operator::Upper),
    ];
    if rest.starts_with('}') {
        return (None, 0);
    }
    match ALL.iter().find(|(sign, _)| rest.starts_with(sign)) {
        Some((sign, operator)) => (Some(*operator), sign.len()),
        None => (Some(Operator::Other), 0),
    }
}

/// Where the `)` is that closes what begins in front of `rest`.
fn closing(rest: &str) -> Option<usize> {
    // What is open: parentheses and quotes.
    let mut open = vec![b'('];
    let bytes = rest.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let in_quotes = open.last() == Some(&b'"');
        match byte {
            b'\\' => at += 1,
            b'\'' if !in_quotes => at += 1 + bytes[at + 1..].iter().position(|byte| *byte == b'\'')?,
            b'"' if in_quotes => {
                open.pop();
            }
            b'"' => open.push(b'"'),
            b'(' if !in_quotes || at > 0 && bytes[at - 1] == b'$' => open.push(b'('),
            b')' if !in_quotes => {
                open.pop();
                if open.is_empty() {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn closing_brace(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}
