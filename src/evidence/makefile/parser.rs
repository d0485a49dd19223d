//! From the text of a Makefile to its statements; nothing is expanded here.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub line: usize,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Assign(Assign),
    /// `TARGETS: NAME = VALUE`.
    OfTarget {
        targets: String,
        assign: Assign,
    },
    Rule {
        targets: String,
        pattern: Option<String>,
        prerequisites: String,
        recipe: Vec<(usize, String)>,
    },
    Include(String),
    If(Condition),
    Else(Option<Condition>),
    EndIf,
    /// A line that is nothing but an expansion, such as `$(eval …)`.
    Expansion(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assign {
    pub name: String,
    pub how: How,
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// `=`: expanded where it is used.
    Later,
    /// `:=`, `::=`.
    Now,
    /// `?=`.
    IfUnset,
    /// `+=`.
    Append,
    /// `!=`.
    Shell,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Equal { one: String, other: String, is_negated: bool },
    Defined { name: String, is_negated: bool },
    Unreadable,
}

pub(super) fn parse(text: &str) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    let mut lines = text.split('\n').enumerate().map(|(index, line)| (index + 1, line));
    // Whether a line with a tab belongs to a rule.
    let mut in_rule = false;
    let mut last_rule: Option<usize> = None;
    while let Some((line, first)) = lines.next() {
        if in_rule && let Some(command) = first.strip_prefix('\t') {
            let mut command = command.to_owned();
            while ends_in_backslash(&command) {
                let Some((_, next)) = lines.next() else { break };
                command.push('\n');
                command.push_str(next.strip_prefix('\t').unwrap_or(next));
            }
            // Conditions may stand between a rule and its recipe.
            let rule = last_rule.and_then(|at| match &mut statements[at].what {
                What::Rule { recipe, .. } => Some(recipe),
                _ => None,
            });
            if let Some(recipe) = rule {
                recipe.push((line, command));
            }
            continue;
        }
        let mut whole = first.to_owned();
        while ends_in_backslash(&whole) {
            whole.pop();
            let Some((_, next)) = lines.next() else { break };
            whole.truncate(whole.trim_end().len());
            whole.push(' ');
            whole.push_str(next.trim_start());
        }
        let whole = without_comment(&whole).trim();
        if whole.is_empty() {
            continue;
        }
        if let Some(head) = word(whole, "define") {
            let name = head.trim_end_matches(['=', ':', '?', '+', ' ']).trim().to_owned();
            let mut body: Vec<&str> = Vec::new();
            for (_, next) in lines.by_ref() {
                if next.trim() == "endef" {
                    break;
                }
                body.push(next);
            }
            let assign = Assign { name, how: How::Later, value: body.join("\n") };
            statements.push(Statement { line, what: What::Assign(assign) });
            in_rule = false;
            continue;
        }
        let what = statement(whole, line);
        in_rule = match &what {
            What::Rule { .. } => {
                last_rule = Some(statements.len());
                true
            }
            What::If(_) | What::Else(_) | What::EndIf => in_rule,
            _ => false,
        };
        statements.push(Statement { line, what });
    }
    statements
}

fn ends_in_backslash(line: &str) -> bool {
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

fn without_comment(line: &str) -> &str {
    let mut before = '\0';
    for (at, char) in line.char_indices() {
        if char == '#' && before != '\\' {
            return &line[..at];
        }
        before = char;
    }
    line
}

/// What follows the word `first`.
fn word<'t>(text: &'t str, first: &str) -> Option<&'t str> {
    let rest = text.strip_prefix(first)?;
    (rest.is_empty() || rest.starts_with([' ', '\t', '('])).then(|| rest.trim())
}

fn statement(text: &str, line: usize) -> What {
    if let Some(condition) = condition(text) {
        return What::If(condition);
    }
    if let Some(rest) = word(text, "else") {
        return What::Else(condition(rest));
    }
    if word(text, "endif").is_some() {
        return What::EndIf;
    }
    for include in ["include", "-include", "sinclude"] {
        if let Some(files) = word(text, include) {
            return What::Include(files.to_owned());
        }
    }
    let text = ["override", "export", "private"]
        .iter()
        .fold(text, |text, prefix| word(text, prefix).unwrap_or(text));
    if let Some(assign) = assign(text) {
        return What::Assign(assign);
    }
    let Some(colon) = outside(text, |rest| rest.starts_with(':')) else {
        return What::Expansion(text.to_owned());
    };
    let targets = text[..colon].trim().to_owned();
    let rest = text[colon..].trim_start_matches(':');
    if let Some(assign) = assign(rest.trim()) {
        return What::OfTarget { targets, assign };
    }
    let (rest, recipe) = match outside(rest, |rest| rest.starts_with(';')) {
        Some(at) => (&rest[..at], vec![(line, rest[at + 1..].trim().to_owned())]),
        None => (rest, Vec::new()),
    };
    let (pattern, prerequisites) = match outside(rest, |rest| rest.starts_with(':')) {
        Some(at) => (Some(rest[..at].trim().to_owned()), rest[at + 1..].trim().to_owned()),
        None => (None, rest.trim().to_owned()),
    };
    What::Rule { targets, pattern, prerequisites, recipe }
}

fn condition(text: &str) -> Option<Condition> {
    for (name, is_negated) in [("ifdef", false), ("ifndef", true)] {
        if let Some(name) = word(text, name) {
            return Some(Condition::Defined { name: name.to_owned(), is_negated });
        }
    }
    let (rest, is_negated) =
        word(text, "ifeq").map(|rest| (rest, false)).or(word(text, "ifneq").map(|rest| (rest, true)))?;
    let pair = match rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inside) => outside(inside, |rest| rest.starts_with(','))
            .map(|at| (inside[..at].trim().to_owned(), inside[at + 1..].trim().to_owned())),
        None => {
            let mut parts = rest.split(['"', '\'']);
            match (parts.next(), parts.next(), parts.next(), parts.next()) {
                (Some(_), Some(one), Some(_), Some(other)) => Some((one.to_owned(), other.to_owned())),
                _ => None,
            }
        }
    };
    Some(pair.map_or(Condition::Unreadable, |(one, other)| Condition::Equal { one, other, is_negated }))
}

fn assign(text: &str) -> Option<Assign> {
    let at = outside(text, |rest| rest.starts_with(['=', ':', '?', '+', '!', ' ', '\t']))?;
    let rest = text[at..].trim_start();
    let signs = [
        (":::=", How::Now),
        ("::=", How::Now),
        (":=", How::Now),
        ("?=", How::IfUnset),
        ("+=", How::Append),
        ("!=", How::Shell),
        ("=", How::Later),
    ];
    let (sign, how) = signs.iter().find(|(sign, _)| rest.starts_with(sign))?;
    let name = text[..at].trim().to_owned();
    Some(Assign { name, how: *how, value: rest[sign.len()..].trim().to_owned() })
}

/// Where something begins that is in no `$(…)`.
fn outside(text: &str, is_it: impl Fn(&str) -> bool) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, char) in text.char_indices() {
        match char {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 && is_it(&text[at..]) => return Some(at),
            _ => {}
        }
    }
    None
}
