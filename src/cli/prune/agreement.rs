use std::io::{self, IsTerminal, Write};

use crate::ops::Error;

/// Asks on a terminal. Where nobody can answer, nothing is removed without `--yes`.
pub(super) fn agreed(yes: bool, question: &str, shown: impl Fn() -> String) -> Result<bool, Error> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Error::usage_with_hint(
            "nobody is asked here, so nothing was removed",
            "`--dry-run` shows what would go, `--yes` removes it",
        ));
    }
    let mut terminal = io::stderr().lock();
    write!(terminal, "{}{question} [y/N] ", shown())?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
