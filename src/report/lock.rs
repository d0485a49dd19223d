use std::fmt::Write as _;

use super::style::Role;
use super::text;
use super::{View, phrase};
use crate::image::ImageReference;
use crate::lockfile::LOCK_FILE;
use crate::ops::{BaseNews, LockTotal};
use crate::printable::few;

/// A line a base: `  moved    busybox:latest   1a2b3c4d5e6f → 3c4d5e6f7a8b`.
pub(crate) fn lock_text(news: &[(ImageReference, BaseNews)], view: &View) -> String {
    let theme = view.theme;
    let width = news.iter().map(|(base, _)| text::columns(&base.to_string())).max().unwrap_or(0);
    let mut shown = String::new();
    for (base, news) in news {
        let (role, word, rest) = match news {
            BaseNews::Locked(digest) => (Role::Success, "locked", digest.short().to_owned()),
            BaseNews::Moved { from, to } => {
                (Role::Work, "moved", format!("{} {} {}", from.short(), theme.arrow(), to.short()))
            }
            BaseNews::Dropped => (Role::Faint, "dropped", "nothing uses it".to_owned()),
            BaseNews::Unused => (Role::Faint, "unused", "`shipwright lock` drops it".to_owned()),
            BaseNews::Missing => (Role::Warning, "missing", "not locked".to_owned()),
        };
        let base = base.to_string();
        let word = theme.paint(role, format!("{word:<7}"));
        // Writing to a string cannot fail.
        let _ = writeln!(shown, "  {word}  {base:<width$}  {rest}");
    }
    shown
}

/// Images that another lock gives another key: `3 images will be rebuilt: acme/base, …`.
pub(crate) fn rebuilt_text(names: &[String], view: &View) -> String {
    const FEW: usize = 8;
    if names.is_empty() {
        return String::new();
    }
    let most = if view.verbose || names.len() <= FEW + 1 { names.len() } else { FEW };
    let list = few(names, most);
    format!("{} will be rebuilt: {}\n", phrase::count(names.len(), "image"), text::one_line(&list))
}

/// What it came to, in a line; nothing where what was found says it.
pub(crate) fn lock_total(total: &LockTotal) -> Option<String> {
    let said = match total {
        LockTotal::Behind => return None,
        LockTotal::AsLocked { bases, compared } => {
            let verb = if *bases == 1 { "base is" } else { "bases are" };
            format!("{bases} {verb} {}", if *compared { "as locked" } else { "locked" })
        }
        LockTotal::Written { wanted: 0, new: 0, moved: 0, dropped: 0, kept: 0 } => {
            return Some("no external bases to lock".to_owned());
        }
        LockTotal::Written { new: 0, moved: 0, dropped: 0, kept: 0, .. } => "nothing locked".to_owned(),
        LockTotal::Written { new, moved, dropped, kept, .. } => {
            let parts = [(new, "locked"), (moved, "moved"), (dropped, "dropped"), (kept, "as before")];
            let parts = parts.iter().filter(|(count, _)| **count > 0);
            parts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
        }
    };
    Some(format!("{LOCK_FILE}: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Digest;
    use crate::report::{Charset, Theme};

    fn view(charset: Charset) -> View {
        View { theme: Theme::new(false, charset), size: None, verbose: false }
    }

    #[test]
    fn a_line_a_base() {
        let digest = |digits: &str| Digest::new(&format!("sha256:{}", digits.repeat(16))).expect("a digest");
        let (old, new) = (digest("1a2b"), digest("3c4d"));
        let news = [
            ("alpine:3", BaseNews::Locked(new.clone())),
            ("busybox:latest", BaseNews::Moved { from: old, to: new }),
            ("debian:12", BaseNews::Dropped),
            ("a:1", BaseNews::Missing),
        ];
        let news = news.map(|(base, news)| (base.parse().expect(base), news));
        let shown = lock_text(&news, &view(Charset::Unicode));
        let expected = "  locked   alpine:3        3c4d3c4d3c4d\n  \
                        moved    busybox:latest  1a2b1a2b1a2b → 3c4d3c4d3c4d\n  \
                        dropped  debian:12       nothing uses it\n  \
                        missing  a:1             not locked\n";
        assert_eq!(shown, expected);
        assert!(lock_text(&news, &view(Charset::Ascii)).is_ascii());
    }

    #[test]
    fn a_long_list_of_images_is_cut() {
        let names: Vec<String> = (0..12).map(|number| format!("i{number}")).collect();
        let shown = rebuilt_text(&names, &view(Charset::Unicode));
        assert_eq!(shown, "12 images will be rebuilt: i0, i1, i2, i3, i4, i5, i6, i7 and 4 more\n");
        assert_eq!(rebuilt_text(&names[..1], &view(Charset::Unicode)), "1 image will be rebuilt: i0\n");
        assert_eq!(rebuilt_text(&[], &view(Charset::Unicode)), "");
    }
}
