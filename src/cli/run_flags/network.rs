use clap::Args;
use serde_json::{Value, json};

use super::request::{Request, put, put_list};
use crate::deploy::flags::{self, Attachment, Published};

/// The ports of one `--publish`.
type Ports = Vec<Published>;
/// The ports of one `--expose`.
type Exposed = Vec<String>;

/// Networks, names and ports.
#[derive(Clone, Debug, Args)]
pub(super) struct NetworkFlags {
    #[arg(short = 'h', long, value_name = "NAME")]
    hostname: Option<String>,
    #[arg(long, value_name = "NAME")]
    domainname: Option<String>,
    #[arg(long, alias = "net", value_name = "NETWORK", value_parser = flags::attachment)]
    network: Vec<Attachment>,
    #[arg(long, alias = "net-alias", value_name = "NAME")]
    network_alias: Vec<String>,
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<String>,
    #[arg(long, value_name = "ADDRESS")]
    ip6: Option<String>,
    #[arg(long, value_name = "ADDRESS")]
    link_local_ip: Vec<String>,
    #[arg(long, value_name = "ADDRESS")]
    mac_address: Option<String>,
    #[arg(long, value_name = "CONTAINER[:NAME]")]
    link: Vec<String>,
    #[arg(short, long, value_name = "[[IP:]MACHINE:]PORT", value_parser = flags::published)]
    publish: Vec<Ports>,
    #[arg(short = 'P', long)]
    publish_all: Option<bool>,
    #[arg(long, value_name = "PORT", value_parser = flags::exposed)]
    expose: Vec<Exposed>,
    #[arg(long, value_name = "HOST:IP", value_parser = flags::extra_host)]
    add_host: Vec<String>,
    #[arg(long, value_name = "ADDRESS", value_parser = flags::ip_address)]
    dns: Vec<String>,
    #[arg(long, value_name = "DOMAIN")]
    dns_search: Vec<String>,
    #[arg(long, alias = "dns-opt", value_name = "OPTION")]
    dns_option: Vec<String>,
}

impl NetworkFlags {
    /// Gives the networks, each with what is asked of it.
    pub(super) fn put(&self, request: &mut Request) -> Result<Vec<(String, Value)>, String> {
        let (config, host) = (&mut request.config, &mut request.host);
        put(config, "Hostname", self.hostname.as_ref());
        put(config, "Domainname", self.domainname.as_ref());
        put(config, "MacAddress", self.mac_address.as_ref());
        put_list(host, "Links", &self.link);
        put(host, "PublishAllPorts", self.publish_all.as_ref());
        put_list(host, "ExtraHosts", &self.add_host);
        put_list(host, "Dns", &self.dns);
        put_list(host, "DnsSearch", &self.dns_search);
        put_list(host, "DnsOptions", &self.dns_option);
        self.put_ports(config, host);
        let networks = self.networks()?;
        host["NetworkMode"] = json!(networks.first().map_or("default", |first| first.network.as_str()));
        Ok(networks.into_iter().map(|it| (it.network.clone(), it.endpoint())).collect())
    }

    fn put_ports(&self, config: &mut Value, host: &mut Value) {
        for port in self.publish.iter().flatten() {
            config["ExposedPorts"][&port.port] = json!({});
            let bindings = &mut host["PortBindings"][&port.port];
            let mut all = bindings.as_array().cloned().unwrap_or_default();
            all.push(json!({"HostIp": port.address, "HostPort": port.on_machine}));
            *bindings = json!(all);
        }
        for port in self.expose.iter().flatten() {
            config["ExposedPorts"][port] = json!({});
        }
    }

    /// Flags without a network's name are about the first.
    fn networks(&self) -> Result<Vec<Attachment>, String> {
        let mut networks = self.network.clone();
        if networks.is_empty() {
            networks.push(Attachment { network: "default".to_owned(), ..Attachment::default() });
        }
        for (at, network) in networks.iter().enumerate() {
            let name = &network.network;
            if networks.iter().take(at).any(|other| other.network == *name) {
                return Err(format!("--network {name} is there twice"));
            }
        }
        if networks.len() > 1 && networks.iter().any(|network| !network.is_users()) {
            return Err("--network: default, bridge, host, none and container: stand alone".to_owned());
        }
        let Some(first) = networks.first_mut() else { return Ok(networks) };
        let twice = |flag: &str| Err(format!("{flag} and the same in --network: one or the other"));
        if !self.network_alias.is_empty() {
            if !first.aliases.is_empty() {
                return twice("--network-alias");
            }
            first.aliases.clone_from(&self.network_alias);
        }
        for (flag, given, of) in [
            ("--ip", &self.ip, &mut first.ipv4),
            ("--ip6", &self.ip6, &mut first.ipv6),
            ("--mac-address", &self.mac_address, &mut first.mac),
        ] {
            if given.is_some() {
                if of.is_some() {
                    return twice(flag);
                }
                of.clone_from(given);
            }
        }
        first.link_local.extend(self.link_local_ip.iter().cloned());
        if first.is_users() {
            first.links.clone_from(&self.link);
        } else if !first.aliases.is_empty() {
            return Err("--network-alias is for networks that somebody made".to_owned());
        }
        Ok(networks)
    }
}
