use std::collections::HashMap;

use crate::diagnostic::Diagnostic;
use crate::path::TreePath;

/// Faults of a commit beside those of the commits that it begins from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub introduced: Vec<Diagnostic>,
    /// Those that were there before.
    pub known: Vec<Diagnostic>,
}

/// Takes those `faults` away that a commit has which was there `before`. Lines move, so a fault is the same if file and
/// message are; two of them in a file need two before.
pub(crate) fn compare(faults: Vec<Diagnostic>, before: &[Diagnostic]) -> Comparison {
    let mut left: HashMap<(Option<&TreePath>, &str), usize> = HashMap::new();
    for fault in before {
        *left.entry(identity(fault)).or_default() += 1;
    }
    let known: Vec<bool> = faults
        .iter()
        .map(|fault| match left.get_mut(&identity(fault)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        })
        .collect();
    let mut comparison = Comparison::default();
    for (fault, is_known) in faults.into_iter().zip(known) {
        let side = if is_known { &mut comparison.known } else { &mut comparison.introduced };
        side.push(fault);
    }
    comparison
}

fn identity(fault: &Diagnostic) -> (Option<&TreePath>, &str) {
    (fault.location.as_ref().map(|location| &location.path), &fault.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Location;

    fn fault(path: &str, line: usize, message: &str) -> Diagnostic {
        Diagnostic::error(message).at(Location { path: path.into(), span: None, line: Some(line) })
    }

    #[test]
    fn a_fault_that_moved_within_its_file_is_known() {
        let found = compare(vec![fault("a", 7, "x")], &[fault("a", 3, "x")]);
        assert_eq!((found.introduced.len(), found.known.len()), (0, 1));
    }

    #[test]
    fn another_file_another_message_and_one_more_are_new() {
        let before = [fault("a", 1, "x")];
        for new in [fault("b", 1, "x"), fault("a", 1, "y")] {
            assert_eq!(compare(vec![new], &before).introduced.len(), 1);
        }
        let twice = compare(vec![fault("a", 1, "x"), fault("a", 2, "x")], &before);
        assert_eq!((twice.introduced.len(), twice.known.len()), (1, 1));
    }
}
