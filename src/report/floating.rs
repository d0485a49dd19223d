use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::printable::few;

/// Bases that may be another image tomorrow, though nothing here changes.
pub(crate) fn floating_note(plan: &Plan) -> Option<Diagnostic> {
    const FEW: usize = 3;
    let bases: Vec<&str> = plan.floating().into_iter().collect();
    let list = few(&bases, FEW);
    match bases.len() {
        0 => None,
        1 => Some(Diagnostic::note(format!("1 base is not locked: {list}; `shipwright lock` pins it"))),
        count => {
            let text = format!("{count} bases are not locked: {list}; `shipwright lock` pins them");
            Some(Diagnostic::note(text))
        }
    }
}
