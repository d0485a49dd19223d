use crate::diagnostic::Diagnostic;
use crate::plan::Plan;

/// Bases that may be another image tomorrow, though nothing here changes.
pub(crate) fn floating_note(plan: &Plan) -> Option<Diagnostic> {
    const FEW: usize = 3;
    let bases: Vec<&str> = plan.floating().into_iter().collect();
    let more = match bases.len().saturating_sub(FEW) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let list = bases.iter().take(FEW).copied().collect::<Vec<_>>().join(", ");
    match bases.len() {
        0 => None,
        1 => Some(Diagnostic::note(format!("1 base floats: {list}; `shipwright lock` pins it"))),
        count => {
            let text = format!("{count} bases float: {list}{more}; `shipwright lock` pins them");
            Some(Diagnostic::note(text))
        }
    }
}
