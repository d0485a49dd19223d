use std::ops::Range;

/// `source` with other text in the place of some of its bytes; every other byte stays as it was. Ranges that
/// are not in the file, or that overlap one in front of them, are left alone.
pub fn rewrite(source: &[u8], replacements: &[(Range<usize>, String)]) -> Vec<u8> {
    let mut ordered: Vec<&(Range<usize>, String)> = replacements.iter().collect();
    ordered.sort_by_key(|(range, _)| (range.start, range.end));
    let mut written = Vec::with_capacity(source.len());
    let mut at = 0;
    for (range, text) in ordered {
        if range.start < at || range.end < range.start || range.end > source.len() {
            continue;
        }
        written.extend_from_slice(&source[at..range.start]);
        written.extend_from_slice(text.as_bytes());
        at = range.end;
    }
    written.extend_from_slice(&source[at..]);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_in_any_order_and_leaves_the_rest() {
        let source = b"FROM a\r\nFROM b";
        assert_eq!(rewrite(source, &[(13..14, "yy".into()), (5..6, "xxx".into())]), b"FROM xxx\r\nFROM yy");
        let wrong = [(5..6, "x".into()), (5..7, "y".into()), (90..95, "z".into())];
        assert_eq!(rewrite(source, &wrong), b"FROM x\r\nFROM b");
    }
}
