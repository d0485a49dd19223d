//! Names with values, and the files that hold a line for each.

use std::net::IpAddr;

use serde_json::{Value, json};

/// `NAME=VALUE`. A name alone has the value of the caller's environment; without one it is sent as it is, which takes the
/// image's variable of that name away.
pub(crate) fn variable(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let name = text.split('=').next().unwrap_or_default();
    if name.is_empty() {
        return Err(format!("`{text}`: the name is missing"));
    }
    match environment(name) {
        Some(value) if name == text => Ok(format!("{name}={value}")),
        _ => Ok(text.to_owned()),
    }
}

/// `NAME=VALUE`, or `NAME` with an empty value.
pub(crate) fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    if name.is_empty() {
        return Err(format!("`{text}`: the name is missing"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// `NAME=VALUE`, both given.
pub(crate) fn option_pair(text: &str) -> Result<(String, String), String> {
    if text.contains('=') { label(text) } else { Err("write NAME=VALUE".to_owned()) }
}

/// The lines of a file of variables or labels: empty lines and those that begin with `#` say nothing. A name alone has the
/// value that `value_of` knows, and is left out without one.
pub(crate) fn file_lines(
    content: &str,
    value_of: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<String>, String> {
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let mut lines = Vec::new();
    for line in content.lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (line.trim_end(), value_of(line.trim_end())),
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("`{name}` is not a name: no spaces, and not empty"));
        }
        lines.extend(value.map(|value| format!("{name}={value}")));
    }
    Ok(lines)
}

/// `HOST:IP` or `HOST=IP`, as engines take it.
pub(crate) fn extra_host(text: &str) -> Result<String, String> {
    let parts = text.split_once('=').or_else(|| text.split_once(':'));
    let Some((host, address)) = parts.filter(|(host, _)| !host.is_empty()) else {
        return Err("write HOST:IP".to_owned());
    };
    let address = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
    if address != "host-gateway" && address.parse::<IpAddr>().is_err() {
        return Err(format!("`{address}` is not an IP address, and not host-gateway"));
    }
    Ok(format!("{host}:{address}"))
}

pub(crate) fn ip_address(text: &str) -> Result<String, String> {
    let address = text.trim().parse::<IpAddr>().map_err(|_| format!("`{text}` is not an IP address"))?;
    Ok(address.to_string())
}

/// `no`, `always`, `unless-stopped`, `on-failure[:TIMES]`.
pub(crate) fn restart_policy(text: &str) -> Result<Value, String> {
    let (name, times) = text.split_once(':').unwrap_or((text, "0"));
    let is_known = matches!(name, "no" | "always" | "unless-stopped" | "on-failure");
    match times.parse::<u32>() {
        Ok(times) if is_known => Ok(json!({"Name": name, "MaximumRetryCount": times})),
        _ => Err("write no, always, unless-stopped or on-failure[:TIMES]".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        (name == "SET").then(|| "from outside".to_owned())
    }

    #[test]
    fn a_variable_without_a_value_has_that_of_the_caller() {
        let of = |text| variable(text, &environment);
        assert_eq!(of("SET").as_deref(), Ok("SET=from outside"));
        assert_eq!(of("SET=mine").as_deref(), Ok("SET=mine"));
        assert_eq!((of("UNSET").as_deref(), of("EMPTY=").as_deref()), (Ok("UNSET"), Ok("EMPTY=")));
        assert!(of("=x").is_err());
    }

    #[test]
    fn files_have_a_line_for_each() {
        let lines = file_lines("\u{feff}# no\n\n  A=1 \r\nSET\nUNSET\nB=x=y\n", &environment);
        assert_eq!(lines.expect("valid"), ["A=1 ", "SET=from outside", "B=x=y"]);
        assert!(file_lines("a b=1", &environment).is_err());
    }

    #[test]
    fn hosts_have_an_address() {
        assert_eq!(extra_host("db:10.0.0.1").as_deref(), Ok("db:10.0.0.1"));
        assert_eq!(extra_host("db=[::1]").as_deref(), Ok("db:::1"));
        assert_eq!(extra_host("h:host-gateway").as_deref(), Ok("h:host-gateway"));
        assert!(extra_host("db").is_err() && extra_host("db:nowhere").is_err());
    }

    #[test]
    fn policies_may_count() {
        let of = |text: &str| restart_policy(text).ok().map(|policy| policy["MaximumRetryCount"].clone());
        assert_eq!((of("on-failure:3"), of("always")), (Some(3.into()), Some(0.into())));
        assert_eq!((of("sometimes"), of("on-failure:x")), (None, None));
    }
}
