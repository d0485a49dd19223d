use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{AsHeaderName, DATE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Deserialize;

use super::auth::Challenge;

/// The longest text of a registry that is passed on.
const LONGEST_MESSAGE: usize = 300;

/// A complete answer of a registry or a token server.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether no redirect led to another scheme, host or port.
    pub(super) same_origin: bool,
    pub(super) from_here: bool,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Answer {
    pub(super) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What login the registry wants.
    pub(super) fn challenge(&self) -> Option<Challenge> {
        let headers = self.headers.get_all(WWW_AUTHENTICATE);
        if self.same_origin {
            Challenge::parse(headers.iter().filter_map(|header| header.to_str().ok()))
        } else {
            None
        }
    }

    /// Whether asking again may help.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self.status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
    }

    /// How long it asks to be left alone: seconds, or a time of its own clock, or of ours where it does not show its.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let text = self.header(RETRY_AFTER)?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let then = httpdate::parse_http_date(text).ok()?;
        let now = self.header(DATE).and_then(|text| httpdate::parse_http_date(text).ok());
        let now = now.unwrap_or_else(SystemTime::now);
        Some(then.duration_since(now).unwrap_or_default())
    }

    /// What it says about its error: the code and message of the specification, or the first words of a text.
    pub(super) fn message(&self) -> String {
        if let Ok(Errors { errors }) = serde_json::from_slice(&self.body) {
            let texts: Vec<String> = errors
                .iter()
                .map(|error| match (error.code.as_str(), error.message.as_str()) {
                    (code, "") => code.to_owned(),
                    ("", message) => message.to_owned(),
                    (code, message) => format!("{message} ({code})"),
                })
                .collect();
            return shorten(&texts.join("; "));
        }
        let is_text =
            self.header(reqwest::header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/plain"));
        if is_text { shorten(&String::from_utf8_lossy(&self.body)) } else { String::new() }
    }
}

/// One line of bounded length.
pub(super) fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    reqwest::header::HeaderName::from_static(name),
                    reqwest::header::HeaderValue::from_static(value),
                )
            })
            .collect();
        Answer {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers,
            body: Bytes::from_static(body.as_bytes()),
            same_origin: true,
            from_here: true,
        }
    }

    #[test]
    fn messages_of_all_kinds() {
        let own = r#"{"errors":[{"code":"DENIED","message":"requested access is denied","detail":null}]}"#;
        assert_eq!(answer(&[], own).message(), "requested access is denied (DENIED)");
        assert_eq!(answer(&[], r#"{"errors":[{"code":"A"},{"message":"b\nc"}]}"#).message(), "A; b c");
        assert_eq!(answer(&[("content-type", "text/html")], "<html>").message(), "");
        assert_eq!(
            answer(&[("content-type", "text/plain; charset=utf-8")], " no\r\nway ").message(),
            "no way"
        );
        assert_eq!(shorten(&"ä".repeat(999)).chars().count(), LONGEST_MESSAGE + 1);
    }

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        assert_eq!(answer(&[("retry-after", "7")], "").retry_after(), Some(Duration::from_secs(7)));
        let dates =
            [("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:50:00 GMT")];
        assert_eq!(answer(&dates, "").retry_after(), Some(Duration::from_secs(23)));
        for odd in ["", "-1", "soon"] {
            assert_eq!(answer(&[("retry-after", odd)], "").retry_after(), None, "{odd}");
        }
    }
}
