use std::collections::BTreeSet;

use super::labels::KEY_LABEL;
use crate::image::ContentKey;
use crate::store::ListedImage;

/// Images that were built here and that nothing but the tag of their key names any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Superseded {
    /// Their references, the oldest image's first.
    pub references: Vec<String>,
    /// What they hold at most, in bytes: layers that they share are counted for each.
    pub bytes: u64,
}

/// Of what an engine lists, the images that no branch, commit or `latest` is on and that this run did not want. An image
/// that somebody built on one of them has inherited its label, but not its tag.
pub(super) fn superseded(listed: &[ListedImage], wanted: &[ContentKey]) -> Superseded {
    let mut found: Vec<(&ListedImage, String)> =
        listed.iter().filter_map(|image| Some((image, sole_reference(image, wanted)?))).collect();
    found.sort_by_key(|(image, reference)| (image.created, reference.clone()));
    Superseded {
        bytes: found.iter().map(|(image, _)| image.size).sum(),
        references: found.into_iter().map(|(_, reference)| reference).collect(),
    }
}

fn sole_reference(image: &ListedImage, wanted: &[ContentKey]) -> Option<String> {
    let key: ContentKey = image.labels.get(KEY_LABEL)?.parse().ok()?;
    let names: BTreeSet<String> = image.references.iter().map(ToString::to_string).collect();
    let mut names = names.into_iter();
    let (name, None) = (names.next()?, names.next()) else { return None };
    (!wanted.contains(&key) && name.ends_with(key.tag().as_str())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    fn image(key: &str, names: &[&str], created: i64) -> ListedImage {
        ListedImage {
            labels: [(KEY_LABEL.to_owned(), key.to_owned())].into(),
            references: names.iter().map(|name| name.parse().expect("a reference")).collect(),
            created,
            size: 7,
        }
    }

    #[test]
    fn only_what_nothing_but_its_own_key_names_is_superseded() {
        let src = |name: &str, digit: char| format!("acme/{name}:src-{}", digit.to_string().repeat(16));
        let listed = [
            image(&key('1'), &[&src("api", '1')], 20),
            image(&key('2'), &[&src("base", '2')], 10),
            image(&key('3'), &[&src("api", '3'), "acme/api:main"], 1),
            image(&key('4'), &[&src("api", '4')], 1),
            // Built on one of them by hand; never built here; without any name.
            image(&key('5'), &["acme/api:mine"], 1),
            image("", &["acme/api:src-6666666666666666"], 1),
            image(&key('7'), &[], 1),
            image(&key('8'), &["acme/php:8.3-src-8888888888888888"], 30),
        ];
        let wanted = [key('4').parse().expect("a key")];
        let found = superseded(&listed, &wanted);
        let expected = [src("base", '2'), src("api", '1'), "acme/php:8.3-src-8888888888888888".to_owned()];
        assert_eq!(found, Superseded { references: expected.into(), bytes: 21 });
        assert_eq!(superseded(&[], &wanted), Superseded::default());
    }
}
