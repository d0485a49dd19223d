use crate::printable::printable;

/// A ref that is pushed, as git tells the hook `pre-push`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefUpdate {
    /// What is pushed, as the user named it or as git expanded it: `refs/heads/main`, `HEAD~1`.
    pub local_ref: String,
    /// The object that is pushed; none for a deletion.
    pub local: Option<String>,
    pub remote_ref: String,
    /// What the remote has there, as git knows; none for a new ref.
    pub remote: Option<String>,
}

impl RefUpdate {
    pub fn branch(&self) -> Option<&str> {
        self.remote_ref.strip_prefix("refs/heads/")
    }

    pub fn tag(&self) -> Option<&str> {
        self.remote_ref.strip_prefix("refs/tags/")
    }

    /// The remote's name of it, for people.
    pub fn title(&self) -> &str {
        self.branch().or_else(|| self.tag()).unwrap_or(&self.remote_ref)
    }
}

/// A line that git would not write.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a line that git gives its pre-push hook", printable(.0))]
pub(crate) struct InvalidUpdate(String);

/// Reads git's lines: `LOCAL-REF LOCAL-ID REMOTE-REF REMOTE-ID`.
pub(crate) fn parse_updates(text: &str) -> Result<Vec<RefUpdate>, InvalidUpdate> {
    text.lines().filter(|line| !line.is_empty()).map(parse).collect()
}

fn parse(line: &str) -> Result<RefUpdate, InvalidUpdate> {
    let invalid = || InvalidUpdate(line.to_owned());
    // The first field may hold blanks: `HEAD@{1 day ago}`.
    let fields: Vec<&str> = line.rsplitn(4, ' ').collect();
    let [remote, remote_ref, local, local_ref] = fields[..] else { return Err(invalid()) };
    Ok(RefUpdate {
        local_ref: local_ref.to_owned(),
        local: object(local).map_err(|NotAnId| invalid())?,
        remote_ref: remote_ref.to_owned(),
        remote: object(remote).map_err(|NotAnId| invalid())?,
    })
}

struct NotAnId;

/// An object id, of either format; all zeros are none.
fn object(text: &str) -> Result<Option<String>, NotAnId> {
    let is_id = [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(NotAnId);
    }
    Ok(text.bytes().any(|byte| byte != b'0').then(|| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const NONE: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn branches_tags_and_deletions() {
        let text = format!(
            "refs/heads/a {A} refs/heads/feature/x {NONE}\n(delete) {NONE} refs/heads/old {A}\nHEAD@{{1 day ago}} {A} refs/tags/v1 {A}\n"
        );
        let updates = parse_updates(&text).expect("valid");
        let [new, deleted, tag] = &updates[..] else { panic!("{updates:?}") };
        assert_eq!((new.branch(), new.tag(), &new.remote), (Some("feature/x"), None, &None));
        assert_eq!((new.local.as_deref(), deleted.local.as_deref()), (Some(A), None));
        assert_eq!((tag.tag(), tag.branch(), tag.local_ref.as_str()), (Some("v1"), None, "HEAD@{1 day ago}"));
        assert_eq!((new.title(), tag.title()), ("feature/x", "v1"));
    }

    #[test]
    fn nothing_is_pushed_where_nothing_is_said() {
        assert_eq!(parse_updates("").expect("valid"), []);
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["x", "a b c d", &format!("a {A} b"), &format!("a {A} b {}", &A[1..])] {
            assert!(parse_updates(text).is_err(), "{text}");
        }
    }
}
