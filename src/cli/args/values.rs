//! Values that are looked at before anything is read: what is wrong with them says clap, with the option's name.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::ops::CacheLimit;

/// A word. An empty one was hardly meant: it is what an unset variable leaves of `"$IMAGE"`.
pub(in crate::cli) fn word(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty; is a variable not set?".to_owned());
    }
    Ok(text.to_owned())
}

/// How many.
pub(in crate::cli) fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "write a number, 1 or more".to_owned())
}

/// `10GB`: so much of a cache stays; `7d`: what was used within that time.
pub(in crate::cli) fn cache_limit(text: &str) -> Result<CacheLimit, String> {
    let wrong = || "write a size such as 10GB, or an age such as 7d or 168h".to_owned();
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, unit) = text.split_at(digits);
    // A single `m` is minutes, as Docker and systemd have it; megabytes are `M` or `MB`.
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => 0,
    };
    if seconds > 0 {
        let age = number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds));
        return age.filter(|age| *age > 0).map(Duration::from_secs).map(CacheLimit::Age).ok_or_else(wrong);
    }
    let factor: f64 = match unit.to_ascii_uppercase().as_str() {
        "B" => 1.0,
        "K" | "KB" => 1e3,
        "M" | "MB" => 1e6,
        "G" | "GB" => 1e9,
        "T" | "TB" => 1e12,
        "KIB" => 1024.0,
        "MIB" => 1024.0 * 1024.0,
        "GIB" => 1024.0 * 1024.0 * 1024.0,
        "TIB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    let bytes = number.parse::<f64>().ok().map(|number| number * factor).filter(|bytes| *bytes < 1e18);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is positive and below 10^18"
    )]
    bytes.map(|bytes| CacheLimit::Size(bytes as u64)).ok_or_else(wrong)
}

/// `HOST:IP` or `HOST=IP`, where `host-gateway` stands for the machine's own address.
pub(in crate::cli) fn host_line(text: &str) -> Result<String, String> {
    let wrong = || "write HOST:IP, such as db:10.0.0.5, or HOST:host-gateway".to_owned();
    let (host, address) = text.split_once(['=', ':']).ok_or_else(wrong)?;
    let bare = address.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(address);
    let is_address = address == "host-gateway" || bare.parse::<IpAddr>().is_ok();
    if host.trim().is_empty() || !is_address { Err(wrong()) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_a_cache_are_sizes_or_ages() {
        let size = |bytes| Ok(CacheLimit::Size(bytes));
        let age = |seconds| Ok(CacheLimit::Age(Duration::from_secs(seconds)));
        for (text, bytes) in [
            ("10GB", 10_000_000_000),
            ("1.5g", 1_500_000_000),
            ("2MiB", 2 << 20),
            ("0B", 0),
            ("3M", 3_000_000),
        ] {
            assert_eq!(cache_limit(text), size(bytes), "{text}");
        }
        for (text, seconds) in [("7d", 604_800), ("168h", 604_800), ("90m", 5400), ("2w", 1_209_600)] {
            assert_eq!(cache_limit(text), age(seconds), "{text}");
        }
        for wrong in
            ["", "10", "GB", "-1GB", "0d", "1.5d", "10 GB", "1e3GB", "99999999999TB", "7days", "all", ".GB"]
        {
            assert!(cache_limit(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_say_what_to_write() {
        assert!(word("").is_err() && word(" ").is_err() && word("a b").is_ok());
        for wrong in ["0", "-1", "x", ""] {
            assert!(at_least_one(wrong).is_err(), "{wrong}");
        }
        for right in ["a:1.2.3.4", "b=::1", "six:[::1]", "me:host-gateway"] {
            assert_eq!(host_line(right).as_deref(), Ok(right));
        }
        for wrong in ["a", "a:", ":1.2.3.4", "a:b", ""] {
            assert!(host_line(wrong).is_err(), "{wrong}");
        }
    }
}
