/// As the method of slices, which calls a function to compare; one byte mostly says enough.
pub(super) fn starts_with(path: &[u8], prefix: &[u8]) -> bool {
    prefix.is_empty() || (path.first() == prefix.first() && path.starts_with(prefix))
}

/// As [`starts_with`], from the end.
pub(super) fn ends_with(path: &[u8], suffix: &[u8]) -> bool {
    suffix.is_empty() || (path.last() == suffix.last() && path.ends_with(suffix))
}
