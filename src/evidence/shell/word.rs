/// A word as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word(pub Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Literal {
        text: String,
        is_quoted: bool,
    },
    Variable {
        variable: Variable,
        is_quoted: bool,
    },
    /// `$(…)`, `` `…` ``: the commands, as written.
    Output {
        commands: String,
        is_quoted: bool,
    },
    Unknown {
        is_quoted: bool,
    },
}

/// `$NAME`, `${NAME:-x}`, `${NAME[@]}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub name: String,
    pub index: Index,
    pub operator: Option<(Operator, Word)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    /// None, or the first of a list.
    First,
    /// `[@]`, `[*]`.
    All,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// `-`, `=`, and with a colon, which takes empty for unset.
    Default {
        assigns: bool,
        or_empty: bool,
    },
    /// `+`.
    Alternative {
        or_empty: bool,
    },
    /// `?`: the value, or the end.
    Demand,
    /// `#`, `##`.
    Front {
        longest: bool,
    },
    /// `%`, `%%`.
    Back {
        longest: bool,
    },
    /// `/`, `//`.
    Replace {
        all: bool,
    },
    /// `,,`.
    Lower,
    /// `^^`.
    Upper,
    Other,
}

impl Word {
    pub(super) fn push_char(&mut self, char: char, is_quoted: bool) {
        match self.0.last_mut() {
            Some(Piece::Literal { text, is_quoted: same }) if *same == is_quoted => text.push(char),
            _ => self.0.push(Piece::Literal { text: char.to_string(), is_quoted }),
        }
    }

    /// The word, if it is one of a shell's own, or at least nothing but plain letters.
    pub(super) fn plain(&self) -> Option<&str> {
        match &self.0[..] {
            [Piece::Literal { text, is_quoted: false }] => Some(text),
            _ => None,
        }
    }

    /// Name, whether it adds, and value of `NAME=value`, `NAME+=value`.
    pub(super) fn assignment(&self) -> Option<(&str, bool, Self)> {
        let Some(Piece::Literal { text, is_quoted: false }) = self.0.first() else { return None };
        let (name, value) = text.split_once('=')?;
        let (name, adds) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
        if !is_name(name) {
            return None;
        }
        let mut rest = Self::default();
        if !value.is_empty() {
            rest.0.push(Piece::Literal { text: value.to_owned(), is_quoted: false });
        }
        rest.0.extend_from_slice(&self.0[1..]);
        Some((name, adds, rest))
    }
}

pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}
