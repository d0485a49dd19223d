use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::printable::printable;

/// Text as it stands in a document of marks, between them or in a quoted attribute.
pub(in crate::report) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text).replace('\t', " ").chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // XML has none of these, however they are written.
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// By which a page's policy tells the browser that a script or style is ours.
pub(in crate::report) fn source_hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// JSON inside of a page: nothing in it ends the element that it stands in.
pub(super) fn json_in_page(value: &Value) -> String {
    value.to_string().replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_ends_the_text_that_it_stands_in() {
        assert_eq!(
            escaped("<a b='c' d=\"e\">&\u{202e}\n"),
            "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;\\u{202e}\\n"
        );
        let hostile = json!({"name": "</script><!--<script>"});
        let written = json_in_page(&hostile);
        assert!(!written.contains(['<', '>', '&']), "{written}");
        assert_eq!(serde_json::from_str::<Value>(&written).expect("JSON"), hostile);
    }
}
