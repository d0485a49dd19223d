//! The words of `docker run`, each as the part of a request that it stands for. Pure, and one flag's value at a time. What a
//! request can carry is left to the engine to judge; only what has to be taken apart is checked here. Its documentation,
//! and what Docker's command line sends, is the reference (docker/cli, `container/opts.go`).

mod csv;
mod devices;
mod mounts;
mod networks;
mod pairs;
mod ports;
mod quantities;

pub(crate) use devices::{Device, device, device_rule, gpus, rate, throttled, ulimit, weighted};
pub(crate) use mounts::{Volume, mount, tmpfs, volume};
pub(crate) use networks::{Attachment, attachment};
pub(crate) use pairs::{extra_host, file_lines, ip_address, label, option_pair, restart_policy, variable};
pub(crate) use ports::{Published, exposed, published};
pub(crate) use quantities::{boolean, bytes, cpus, duration, swap_bytes};
