//! What the URL of `origin` says.

/// `shop` of `https://example.com/acme/shop.git`.
pub(in crate::git) fn repository_name(url: &str) -> Option<String> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        // host:path of SSH, or a path of the local file system.
        None => match url.split_once(':') {
            Some((host, path)) if !host.contains('/') && host.len() > 1 => path,
            _ => url,
        },
    };
    let path = path.split(['?', '#']).next().unwrap_or(path).trim_end_matches(['/', '\\']);
    // A clone of a local work tree is named by its folder.
    let path = path.strip_suffix("/.git").unwrap_or(path);
    let name = path.rsplit(['/', '\\']).next()?;
    let name = name.strip_suffix(".git").unwrap_or(name);
    (!name.is_empty() && name != "." && name != "..").then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_element_is_the_name() {
        for url in [
            "https://example.com/acme/shop.git",
            "https://example.com/acme/shop/",
            "git@github.com:acme/shop.git",
            "git@github.com:shop",
            "ssh://git@example.com:22/~/shop.git",
            "/srv/git/shop.git",
            "../shop",
            "/home/x/shop/.git",
            "C:\\work\\shop",
            "file:///srv/shop.git",
        ] {
            assert_eq!(repository_name(url).as_deref(), Some("shop"), "{url}");
        }
        for url in ["https://example.com", "https://example.com/", "..", ""] {
            assert_eq!(repository_name(url), None, "{url}");
        }
    }
}
