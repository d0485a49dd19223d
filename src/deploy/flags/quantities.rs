//! Numbers with units, as `docker run` takes them.

/// `512m`, `1.5GiB`, `65536`: bytes, in units of 1024 (docker/go-units, `RAMInBytes`).
pub(crate) fn bytes(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is not a size: write bytes, or a number with b, k, m, g, t or p");
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        "p" | "pb" | "pib" => 50,
        _ => return Err(wrong()),
    };
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(1 << shift).ok_or_else(wrong);
    }
    let scaled = number.parse::<f64>().map_err(|_| wrong())? * f64::from(2u8).powi(shift);
    whole_number(scaled).ok_or_else(wrong)
}

/// The same, or `-1` for as much as there is.
pub(crate) fn swap_bytes(text: &str) -> Result<i64, String> {
    if text == "-1" { Ok(-1) } else { bytes(text) }
}

/// A number of processors in billionths, which engines count in.
pub(crate) fn cpus(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is not a number of processors: write 0.5 or 2, with 9 decimals at most");
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && decimals.is_empty()) || !is_number(whole) || !is_number(decimals) {
        return Err(wrong());
    }
    if decimals.trim_end_matches('0').len() > 9 {
        return Err(wrong());
    }
    format!("{whole}{decimals:0<9.9}").parse().map_err(|_| wrong())
}

/// `1m30s`, `500ms`: nanoseconds (Go, `time.ParseDuration`).
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is not a duration: write 30s, 500ms or 1m30s");
    if text == "0" {
        return Ok(0);
    }
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, after) = rest.split_at(unit_at);
        let next_at = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(next_at);
        let factor = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return Err(wrong()),
        };
        sum += number.parse::<f64>().map_err(|_| wrong())? * factor;
        rest = after;
    }
    if text.is_empty() { Err(wrong()) } else { whole_number(sum).ok_or_else(wrong) }
}

/// What Go takes for yes and no.
pub(crate) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

fn whole_number(number: f64) -> Option<i64> {
    // Through text: a cast would turn what is too large into the largest number.
    format!("{:.0}", number.trunc()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_1024() {
        for (text, size) in [
            ("64m", 64 << 20),
            ("65536", 65536),
            ("1.5G", 3 << 29),
            ("2kb", 2048),
            ("1 GiB", 1 << 30),
            ("0", 0),
        ] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for wrong in ["", "m", "12q", "-5", "9999999999999p", "1..5m"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!((swap_bytes("-1"), swap_bytes("1k")), (Ok(-1), Ok(1024)));
    }

    #[test]
    fn processors_are_counted_in_billionths() {
        assert_eq!(
            (cpus("0.5"), cpus("2"), cpus(".25")),
            (Ok(500_000_000), Ok(2_000_000_000), Ok(250_000_000))
        );
        assert_eq!(cpus("0.1234567890"), Ok(123_456_789));
        for wrong in ["", ".", "x", "-1", "0.1234567891", "1e3"] {
            assert!(cpus(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_added_up() {
        assert_eq!(duration("1m30s"), Ok(90_000_000_000));
        assert_eq!(duration("1.5s"), Ok(1_500_000_000));
        assert_eq!((duration("300ms"), duration("0")), (Ok(300_000_000), Ok(0)));
        for wrong in ["", "5", "s", "5 s", "5d", "-1s", "99999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
