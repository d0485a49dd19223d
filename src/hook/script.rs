use sha2::{Digest, Sha256};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HookName {
    /// Before refs are sent to a remote.
    PrePush,
    /// After a branch switch.
    PostCheckout,
}

impl HookName {
    pub(crate) const ALL: [Self; 2] = [Self::PrePush, Self::PostCheckout];

    /// The name of git's file.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::PrePush => "pre-push",
            Self::PostCheckout => "post-checkout",
        }
    }

    /// The name that a hook gets which was there before.
    pub(crate) fn before(self) -> String {
        format!("{}.before-shipwright", self.as_str())
    }
}

/// What the hook `pre-push` does with the commits that are pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Looks for mistakes, without an engine.
    #[default]
    Check,
    Build,
    /// Pushes their images to the registry, before git pushes the commits.
    Push,
}

impl Mode {
    const ALL: [Self; 3] = [Self::Check, Self::Build, Self::Push];

    /// The word of `--mode`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Build => "build",
            Self::Push => "push",
        }
    }
}

/// What a hook's file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// What Shipwright wrote, maybe another version of it.
    Ours(Mode),
    /// What Shipwright wrote and somebody changed.
    Changed,
    Foreign,
}

/// Begins the line that tells a script of ours, its hook, its mode and the digest of all other lines.
const MARK: &str = "# shipwright-hook";

/// Calls the hook that was there before. One that goes by its own name, as the scripts of hook managers do, would look
/// for what it is to do under another one: a shell reads it under ours, unless the script tells the two apart.
const CALL_BEFORE: &str = r#"call_before() {
    read -r first <"$before" || :
    case $first in '#!'*[/\ ]sh | '#!'*[/\ ]bash) shell=${first##*[/ ]} ;; *) shell= ;; esac
    if [ -n "$shell" ] && grep -Eq '[$][{]?0' "$before" && ! grep -Eq 'BASH_SOURCE|exec.*[$][{]?0' "$before"; then
        "$shell" -c 'shipwright_before=$1; shift; . "$shipwright_before"' "$0" "$before" "$@"
    else
        "$before" "$@"
    fi
}
"#;

/// The script that git runs. It needs nothing but a POSIX shell until `shipwright` itself is found.
pub(crate) fn script(hook: HookName, mode: Mode) -> String {
    let body = match hook {
        HookName::PrePush => pre_push(mode),
        HookName::PostCheckout => post_checkout(),
    };
    let head = "#!/bin/sh\n# Installed by `shipwright hook install`; `shipwright hook uninstall` takes it away again.\n";
    let digest = digest(hook, mode, &format!("{head}{body}"));
    format!("{head}{MARK} {} {} {digest}\n{body}", hook.as_str(), mode.as_str())
}

fn pre_push(mode: Mode) -> String {
    // Images that are missing in the registry are noticed by others, and late.
    let (missing, code) = match mode {
        Mode::Check => ("the pushed commits are not checked", 0),
        Mode::Build => ("the images of the pushed commits are not built", 0),
        Mode::Push => ("images cannot be pushed; to push without them: git push --no-verify", 1),
    };
    let mode = mode.as_str();
    format!(
        r#"case $0 in */*) folder=${{0%/*}} ;; *) folder=. ;; esac
before=$folder/pre-push.before-shipwright
{CALL_BEFORE}# The dot keeps the last line's end.
refs=$(cat && echo .)
refs=${{refs%.}}
if [ -f "$before" ] && [ -x "$before" ]; then
    printf %s "$refs" | call_before "$@" || exit $?
fi
if ! command -v shipwright >/dev/null 2>&1; then
    echo 'shipwright is not in PATH: {missing}' >&2
    echo "install it, or remove $0" >&2
    exit {code}
fi
printf %s "$refs" | shipwright hook run pre-push --mode {mode} -- "$@"
"#
    )
}

fn post_checkout() -> String {
    format!(
        r#"case $0 in */*) folder=${{0%/*}} ;; *) folder=. ;; esac
before=$folder/post-checkout.before-shipwright
{CALL_BEFORE}status=0
if [ -f "$before" ] && [ -x "$before" ]; then
    call_before "$@" || status=$?
fi
if command -v shipwright >/dev/null 2>&1; then
    shipwright hook run post-checkout -- "$@" || :
elif [ "$3" = 1 ]; then
    echo "shipwright is not in PATH, so no image is tagged: install it, or remove $0" >&2
fi
exit "$status"
"#
    )
}

/// Tells whose a file is.
pub(crate) fn recognise(hook: HookName, content: &[u8]) -> Content {
    let Ok(text) = std::str::from_utf8(content) else { return Content::Foreign };
    let Some(mark) = text.lines().find(|line| line.starts_with(MARK)) else { return Content::Foreign };
    let others = text.replacen(&format!("{mark}\n"), "", 1);
    let words: Vec<&str> = mark[MARK.len()..].split(' ').filter(|word| !word.is_empty()).collect();
    let [name, mode, written] = words[..] else { return Content::Changed };
    let mode = Mode::ALL.into_iter().find(|known| known.as_str() == mode);
    match mode {
        Some(mode) if name == hook.as_str() && written == digest(hook, mode, &others) => Content::Ours(mode),
        _ => Content::Changed,
    }
}

/// Over the other words of the marked line, and all other lines.
fn digest(hook: HookName, mode: Mode, others: &str) -> String {
    let digest = Sha256::digest(format!("{} {}\n{others}", hook.as_str(), mode.as_str()));
    let first = digest.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
    format!("{first:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_recognised_with_its_mode() {
        for mode in Mode::ALL {
            let text = script(HookName::PrePush, mode);
            assert_eq!(recognise(HookName::PrePush, text.as_bytes()), Content::Ours(mode));
            assert_eq!(
                recognise(HookName::PostCheckout, text.as_bytes()),
                Content::Changed,
                "another hook's"
            );
        }
    }

    #[test]
    fn any_change_of_it_is_seen() {
        let text = script(HookName::PrePush, Mode::Check);
        for changed in [
            text.replace("hook run", "--quiet hook run"),
            text.replace("pre-push check", "pre-push push"),
            format!("{text}# more\n"),
            text.replace("/bin/sh", "/bin/bash"),
        ] {
            assert_ne!(changed, text);
            assert_eq!(recognise(HookName::PrePush, changed.as_bytes()), Content::Changed, "{changed}");
        }
    }

    #[test]
    fn what_others_wrote_is_theirs() {
        for other in [&b"#!/bin/sh\nshipwright hook run pre-push -- \"$@\"\n"[..], b"", b"\xff\x00"] {
            assert_eq!(recognise(HookName::PrePush, other), Content::Foreign);
        }
    }
}
