//! The JSON form of arguments: `COPY ["a b", "/"]`.

use std::ops::Range;

use bstr::ByteSlice;

use super::text::{Text, Word};

/// What text turned out to be when it was taken for a list of strings.
pub(super) enum JsonForm {
    Strings(Vec<Word>),
    /// A list, but not of strings alone; the range of it.
    Others(Range<usize>),
    /// No JSON: words.
    No,
}

/// Reads `range` as a JSON list.
pub(super) fn parse(text: &Text, range: Range<usize>) -> JsonForm {
    let bytes = text.get(range.clone());
    if bytes.trim_start_with(char::is_whitespace).first() != Some(&b'[') {
        return JsonForm::No;
    }
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(&bytes.to_str_lossy()) else {
        return JsonForm::No;
    };
    match strings(text, &range, &values) {
        Some(words) => JsonForm::Strings(words),
        None => JsonForm::Others(range),
    }
}

/// The list of strings that stands in front of something else, as in `["a", "/"] x`. `BuildKit` up to 0.13 and
/// the classic builder take it for the JSON form, and newer ones for words.
pub(super) fn in_front(text: &Text, range: Range<usize>) -> Option<Vec<Word>> {
    let bytes = text.get(range.clone()).to_str_lossy().into_owned();
    let values = serde_json::Deserializer::from_str(&bytes).into_iter::<Vec<serde_json::Value>>();
    strings(text, &range, &values.into_iter().next()?.ok()?)
}

fn strings(text: &Text, range: &Range<usize>, values: &[serde_json::Value]) -> Option<Vec<Word>> {
    let strings: Vec<&str> = values.iter().map(serde_json::Value::as_str).collect::<Option<_>>()?;
    let words = literals(text.get(range.clone())).zip(strings).map(|(literal, string)| {
        let span = text.span(range.start + literal.start..range.start + literal.end);
        Word { text: string.to_owned(), span }
    });
    Some(words.collect())
}

/// The string literals of a list of strings, without their quotes.
fn literals(json: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + json.get(at..)?.find_byte(b'"')? + 1;
        let mut end = start;
        loop {
            match json.get(end)? {
                b'\\' => end += 2,
                b'"' => break,
                _ => end += 1,
            }
        }
        at = end + 1;
        Some(start..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Option<Vec<(String, &str)>> {
        let mut text = Text::at(0);
        text.push(source.as_bytes(), 0..source.len());
        match parse(&text, text.all()) {
            JsonForm::Strings(words) => {
                Some(words.into_iter().map(|word| (word.text, &source[word.span])).collect())
            }
            JsonForm::Others(_) => Some(vec![("others".into(), "")]),
            JsonForm::No => None,
        }
    }

    #[test]
    fn strings_know_where_they_stand() {
        let found = words(r#" [ "a b" , "\"é\u0041" ] "#);
        assert_eq!(found, Some(vec![("a b".into(), "a b"), ("\"éA".into(), r#"\"é\u0041"#)]));
        assert_eq!(words("[]"), Some(vec![]));
    }

    #[test]
    fn what_is_no_json_is_words() {
        for text in ["['a']", "[\"a\",]", "[ab]*.txt", "a", "", "[\"a\"] b"] {
            assert_eq!(words(text), None, "{text}");
        }
        for text in ["[1]", "[\"a\", null]", "[[\"a\"]]"] {
            assert_eq!(words(text), Some(vec![("others".into(), "")]), "{text}");
        }
    }
}
