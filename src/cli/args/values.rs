//! Values that are looked at before anything is read: what is wrong with them says clap, with the option's name.

use std::net::IpAddr;
use std::num::NonZeroUsize;

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
