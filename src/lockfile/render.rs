use std::fmt::Write as _;

use super::Lockfile;
use super::parse::VERSION;

const HEADER: &str = "\
# The digests of the external base images, as `shipwright lock` found them. Commit this file: images are built
# from exactly these, until `shipwright lock --update` moves them. Comments of your own are not kept.
";

/// The text of a lock file: a base a line, sorted by name, so that a diff shows what moved.
pub(crate) fn render(lock: &Lockfile) -> String {
    let mut lines: Vec<(String, &str)> =
        lock.digests.iter().map(|(base, digest)| (base.to_string(), digest.as_str())).collect();
    lines.sort();
    let mut text = format!("{HEADER}version = {VERSION}\n\n[bases]\n");
    for (base, digest) in lines {
        // Writing to a string cannot fail. Neither has characters that TOML would want escaped.
        let _ = writeln!(text, "\"{base}\" = \"{digest}\"");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::parse;
    use super::*;
    use crate::image::Digest;

    fn lock(bases: &[&str]) -> Lockfile {
        let digest = |at: usize| Digest::new(&format!("sha256:{at:064x}")).expect("a digest");
        let digests = bases.iter().enumerate();
        let digests = digests.map(|(at, base)| (format!("{base}:1").parse().expect(base), digest(at)));
        Lockfile { path: Some("shipwright.lock".into()), digests: digests.collect::<BTreeMap<_, _>>() }
    }

    #[test]
    fn sorted_by_the_name_that_people_read() {
        let text = render(&lock(&["quay.io/a/b", "busybox", "acme/x", "127.0.0.1:5000/z", "cgr.dev/c"]));
        let names: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix('"')?.split('"').next()).collect();
        assert_eq!(names, ["127.0.0.1:5000/z:1", "acme/x:1", "busybox:1", "cgr.dev/c:1", "quay.io/a/b:1"]);
        assert!(text.starts_with("# The digests"), "{text}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bases in prop::collection::btree_set("(h[a-z]{0,3}\\.io(:[0-9]{1,4})?/)?[a-z]{1,4}(/[a-z0-9]{1,3})?", 0..6)) {
            let bases: Vec<&str> = bases.iter().map(String::as_str).collect();
            let lock = lock(&bases);
            prop_assert_eq!(parse(&render(&lock), &"shipwright.lock".into()), Ok(lock));
        }
    }
}
