use std::net::IpAddr;

type Range = std::ops::RangeInclusive<u16>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// The container's, with its protocol: `80/tcp`.
    pub port: String,
    /// The machine's address; empty for all.
    pub address: String,
    /// The machine's port, or a range to choose from; empty for any.
    pub on_machine: String,
}

/// Reads `--publish [IP:][MACHINE][:CONTAINER][/PROTOCOL]`, ranges included, or the long form
/// `published=8080,target=80,protocol=tcp` (docker/go-connections, `nat`).
pub(crate) fn published(text: &str) -> Result<Vec<Published>, String> {
    let short = if text.contains('=') { short_form(text)? } else { text.to_owned() };
    let (ports, protocol) = protocol_of(&short)?;
    let (rest, container) = ports.rsplit_once(':').unwrap_or(("", ports));
    let (address, machine) = rest.rsplit_once(':').unwrap_or(("", rest));
    let address = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
    if !address.is_empty() && address.parse::<IpAddr>().is_err() {
        return Err(format!("`{address}` is not an IP address"));
    }
    let inside = range(container)?;
    let outside = if machine.is_empty() { None } else { Some(range(machine)?) };
    let one = |(at, port): (usize, u16)| {
        let on_machine = match &outside {
            None => String::new(),
            Some(outside) if outside.len() == inside.len() => {
                outside.clone().nth(at).map(|port| port.to_string()).unwrap_or_default()
            }
            // One port of the container, and several to choose from.
            Some(outside) => format!("{}-{}", outside.start(), outside.end()),
        };
        Published { port: format!("{port}/{protocol}"), address: address.to_owned(), on_machine }
    };
    if outside.as_ref().is_some_and(|outside| outside.len() != inside.len() && inside.len() != 1) {
        return Err(format!("`{machine}` and `{container}` differ in their number of ports"));
    }
    Ok(inside.clone().enumerate().map(one).collect())
}

/// Reads `--expose PORT[-PORT][/PROTOCOL]`.
pub(crate) fn exposed(text: &str) -> Result<Vec<String>, String> {
    let (ports, protocol) = protocol_of(text)?;
    Ok(range(ports)?.map(|port| format!("{port}/{protocol}")).collect())
}

fn short_form(text: &str) -> Result<String, String> {
    let (mut outside, mut inside, mut protocol) = ("", "", "tcp");
    for field in text.split(',') {
        match field.split_once('=') {
            Some(("published", value)) => outside = value,
            Some(("target", value)) => inside = value,
            Some(("protocol", value)) => protocol = value,
            Some(("mode", _)) => {}
            _ => return Err(format!("`{field}`: write published=, target= and protocol=")),
        }
    }
    Ok(format!("{outside}:{inside}/{protocol}"))
}

fn protocol_of(text: &str) -> Result<(&str, String), String> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = if protocol.is_empty() { "tcp".to_owned() } else { protocol.to_ascii_lowercase() };
    if matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        Ok((ports, protocol))
    } else {
        Err(format!("`{protocol}` is not a protocol: tcp, udp or sctp"))
    }
}

fn range(text: &str) -> Result<Range, String> {
    let wrong = || format!("`{text}` is not a port: write 80 or 8000-8005");
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.parse::<u16>().map_err(|_| wrong());
    let range = port(first)?..=port(last)?;
    if range.is_empty() { Err(wrong()) } else { Ok(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &str) -> Result<Vec<String>, String> {
        let one = |it: Published| format!("{} {} {}", it.address, it.on_machine, it.port);
        Ok(published(text)?.into_iter().map(one).collect())
    }

    #[test]
    fn ports_are_published_as_docker_run_has_it() {
        for (text, expected) in [
            ("80", vec!["  80/tcp"]),
            ("8080:80", vec![" 8080 80/tcp"]),
            ("127.0.0.1:8080:80/UDP", vec!["127.0.0.1 8080 80/udp"]),
            ("127.0.0.1::80", vec!["127.0.0.1  80/tcp"]),
            ("[::1]:8080:80", vec!["::1 8080 80/tcp"]),
            ("8000-8001:90-91", vec![" 8000 90/tcp", " 8001 91/tcp"]),
            ("8000-8009:90", vec![" 8000-8009 90/tcp"]),
            ("90-91/sctp", vec!["  90/sctp", "  91/sctp"]),
            ("published=8080,target=80,protocol=udp", vec![" 8080 80/udp"]),
        ] {
            assert_eq!(short(text).expect(text), expected, "{text}");
        }
        for wrong in ["", "x", "80:", "99999", "nowhere:1:2", "1-2:1-3", "2-1", "80/icmp", "target"] {
            assert!(published(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ranges_are_exposed() {
        assert_eq!(exposed("8-9/udp").expect("valid"), ["8/udp", "9/udp"]);
        assert!(exposed("1:2").is_err());
    }
}
