use std::ops::Range;

/// The first place of `range` that does not fulfil `before`, which must hold for a first part of it: what
/// [`slice::partition_point`] does, for what is no slice.
pub(in crate::git) fn partition_point(range: Range<usize>, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
