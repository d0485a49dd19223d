use crate::dockerfile::{LocalSource, SourceInstruction, SourcePattern};

/// `COPY pattern`, as the Dockerfile model gives it.
pub(super) fn source(pattern: &str) -> LocalSource {
    LocalSource {
        instruction: SourceInstruction::Copy,
        pattern: SourcePattern::Path(pattern.to_owned()),
        written: if pattern.is_empty() { ".".to_owned() } else { pattern.to_owned() },
        plain: !pattern.contains(['*', '?', '[']),
        span: 5..5 + pattern.len(),
        line: 1,
        inherited: false,
        elsewhere: false,
    }
}
