use clap::Args;
use serde_json::json;

use super::files::Caller;
use super::request::{Request, put, put_list, put_pairs};
use crate::deploy::flags::{self, Volume};

/// Volumes, and where logs go.
#[derive(Clone, Debug, Args)]
pub(super) struct StorageFlags {
    #[arg(short, long, value_name = "[SOURCE:]PATH[:OPTIONS]")]
    volume: Vec<String>,
    #[arg(long, value_name = "type=...,source=...,target=...")]
    mount: Vec<String>,
    #[arg(long, value_name = "PATH[:OPTIONS]")]
    tmpfs: Vec<String>,
    #[arg(long, value_name = "CONTAINER[:ro]")]
    volumes_from: Vec<String>,
    #[arg(long, value_name = "DRIVER")]
    volume_driver: Option<String>,
    #[arg(long)]
    read_only: Option<bool>,
    #[arg(long, value_name = "NAME=VALUE", value_parser = flags::option_pair)]
    storage_opt: Vec<(String, String)>,
    #[arg(long, value_name = "DRIVER")]
    log_driver: Option<String>,
    #[arg(long, value_name = "NAME=VALUE", value_parser = flags::label)]
    log_opt: Vec<(String, String)>,
}

impl StorageFlags {
    pub(super) fn put(&self, request: &mut Request, surroundings: &Caller<'_>) -> Result<(), String> {
        let (config, host) = (&mut request.config, &mut request.host);
        let folder = surroundings.folder();
        let mut binds = Vec::new();
        for volume in &self.volume {
            match flags::volume(volume, &folder) {
                Volume::Anonymous(path) => config["Volumes"][path] = json!({}),
                Volume::Bind(bind) => binds.push(bind),
            }
        }
        put_list(host, "Binds", &binds);
        let mounts: Result<Vec<_>, String> =
            self.mount.iter().map(|text| flags::mount(text, &folder)).collect();
        put_list(host, "Mounts", &mounts.map_err(|error| format!("--mount: {error}"))?);
        let tmpfs: Vec<_> = self.tmpfs.iter().map(|text| flags::tmpfs(text)).collect();
        put_pairs(host, "Tmpfs", &tmpfs);
        put_list(host, "VolumesFrom", &self.volumes_from);
        put(host, "VolumeDriver", self.volume_driver.as_ref());
        put(host, "ReadonlyRootfs", self.read_only.as_ref());
        put_pairs(host, "StorageOpt", &self.storage_opt);
        if self.log_driver.as_deref() == Some("none") && !self.log_opt.is_empty() {
            return Err("--log-opt: the driver none has no options".to_owned());
        }
        if self.log_driver.is_some() || !self.log_opt.is_empty() {
            host["LogConfig"] = json!({"Type": self.log_driver.as_deref().unwrap_or_default()});
            put_pairs(&mut host["LogConfig"], "Config", &self.log_opt);
        }
        Ok(())
    }
}
