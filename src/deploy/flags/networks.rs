use serde_json::{Value, json};

use super::csv::fields;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attachment {
    /// Its name, or what stands for none: `host`, `none`, `container:…`.
    pub network: String,
    /// Further names of the container there.
    pub aliases: Vec<String>,
    /// Containers that it knows by other names there.
    pub links: Vec<String>,
    pub ipv4: Option<String>,
    pub ipv6: Option<String>,
    /// Addresses of the link alone.
    pub link_local: Vec<String>,
    /// The address of the network card.
    pub mac: Option<String>,
    /// For the network's driver.
    pub options: Vec<(String, String)>,
    /// Which network leads outside where there are several: the highest.
    pub priority: Option<i64>,
}

/// Reads `--network NAME` or `--network name=NAME,alias=…,ip=…,driver-opt=…`.
pub(crate) fn attachment(text: &str) -> Result<Attachment, String> {
    if !text.contains('=') {
        return Ok(Attachment { network: text.to_owned(), ..Attachment::default() });
    }
    let mut found = Attachment::default();
    for field in fields(text)? {
        let (key, value) = field.split_once('=').unwrap_or((&field, ""));
        let value = value.trim().to_owned();
        match key.trim() {
            _ if value.is_empty() => return Err(format!("`{field}`: write KEY=VALUE")),
            "name" => found.network = value,
            "alias" => found.aliases.push(value),
            "ip" => found.ipv4 = Some(value),
            "ip6" => found.ipv6 = Some(value),
            "link-local-ip" => found.link_local.push(value),
            "mac-address" => found.mac = Some(value),
            "gw-priority" => {
                found.priority = Some(value.parse().map_err(|_| format!("`{value}` is not a number"))?);
            }
            "driver-opt" => match value.split_once('=') {
                Some((name, value)) => found.options.push((name.trim().to_owned(), value.trim().to_owned())),
                None => return Err(format!("`{field}`: write driver-opt=NAME=VALUE")),
            },
            key => return Err(format!("`{key}` is not known")),
        }
    }
    if found.network.is_empty() { Err("name= is missing".to_owned()) } else { Ok(found) }
}

impl Attachment {
    /// Whether it is a network that somebody made, which alone has addresses and aliases.
    pub(crate) fn is_users(&self) -> bool {
        let mode = self.network.as_str();
        !matches!(mode, "default" | "bridge" | "host" | "none") && !mode.starts_with("container:")
    }

    /// What the engine is asked for of it; an empty object for nothing in particular.
    pub(crate) fn endpoint(&self) -> Value {
        let mut endpoint = json!({});
        for (field, list) in [("Aliases", &self.aliases), ("Links", &self.links)] {
            if !list.is_empty() {
                endpoint[field] = json!(list);
            }
        }
        for (field, address) in [("IPv4Address", &self.ipv4), ("IPv6Address", &self.ipv6)] {
            if let Some(address) = address {
                endpoint["IPAMConfig"][field] = json!(address);
            }
        }
        if !self.link_local.is_empty() {
            endpoint["IPAMConfig"]["LinkLocalIPs"] = json!(self.link_local);
        }
        if let Some(mac) = &self.mac {
            endpoint["MacAddress"] = json!(mac);
        }
        for (name, value) in &self.options {
            endpoint["DriverOpts"][name] = json!(value);
        }
        if let Some(priority) = self.priority {
            endpoint["GwPriority"] = json!(priority);
        }
        endpoint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_a_name_and_more() {
        let plain = attachment("back").expect("valid");
        assert_eq!((plain.network.as_str(), plain.endpoint()), ("back", json!({})));
        let full =
            attachment("name=back,alias=a,alias=b,ip=10.0.0.5,driver-opt=x=1,mac-address=02:00:00:00:00:01");
        let expected = json!({"Aliases": ["a", "b"], "IPAMConfig": {"IPv4Address": "10.0.0.5"},
            "MacAddress": "02:00:00:00:00:01", "DriverOpts": {"x": "1"}});
        assert_eq!(full.expect("valid").endpoint(), expected);
        for wrong in ["alias=x", "name=back,what=1", "name=back,alias=", "name=back,driver-opt=x"] {
            assert!(attachment(wrong).is_err(), "{wrong}");
        }
        assert!(plain.is_users() && !attachment("container:x").expect("valid").is_users());
    }
}
