use clap::Args;
use serde_json::{Value, json};

use super::request::{Request, put, put_list, put_pairs};
use crate::deploy::flags::{self, Device};

/// How much of the machine it gets.
#[derive(Clone, Debug, Args)]
pub(super) struct ResourceFlags {
    #[arg(long, value_name = "POLICY", value_parser = flags::restart_policy)]
    restart: Option<Value>,
    #[command(flatten)]
    memory: MemoryFlags,
    #[command(flatten)]
    processors: ProcessorFlags,
    #[command(flatten)]
    blocks: BlockFlags,
    #[arg(long, value_name = "MACHINE[:CONTAINER][:rwm]", value_parser = flags::device)]
    device: Vec<Device>,
    #[arg(long, value_name = "RULE", value_parser = flags::device_rule)]
    device_cgroup_rule: Vec<String>,
    #[arg(long, value_name = "REQUEST", value_parser = flags::gpus)]
    gpus: Vec<Value>,
    #[arg(long, value_name = "NAME=SOFT[:HARD]", value_parser = flags::ulimit)]
    ulimit: Vec<Value>,
    #[arg(long, value_name = "NAME=VALUE", value_parser = flags::label)]
    sysctl: Vec<(String, String)>,
    #[arg(long, value_name = "NUMBER")]
    pids_limit: Option<i64>,
    #[arg(long, value_name = "PATH")]
    cgroup_parent: Option<String>,
}

#[derive(Clone, Debug, Args)]
struct MemoryFlags {
    #[arg(short, long, value_name = "BYTES", value_parser = flags::bytes)]
    memory: Option<i64>,
    #[arg(long, value_name = "BYTES", value_parser = flags::bytes)]
    memory_reservation: Option<i64>,
    #[arg(long, value_name = "BYTES", value_parser = flags::swap_bytes)]
    memory_swap: Option<i64>,
    #[arg(long, value_name = "PERCENT")]
    memory_swappiness: Option<i64>,
    #[arg(long, value_name = "BYTES", value_parser = flags::bytes)]
    kernel_memory: Option<i64>,
    #[arg(long, value_name = "BYTES", value_parser = flags::bytes)]
    shm_size: Option<i64>,
    #[arg(long)]
    oom_kill_disable: Option<bool>,
    #[arg(long, value_name = "NUMBER")]
    oom_score_adj: Option<i64>,
}

#[derive(Clone, Debug, Args)]
struct ProcessorFlags {
    #[arg(long, value_name = "NUMBER", value_parser = flags::cpus)]
    cpus: Option<i64>,
    #[arg(short, long, value_name = "NUMBER")]
    cpu_shares: Option<i64>,
    #[arg(long, value_name = "MICROSECONDS")]
    cpu_period: Option<i64>,
    #[arg(long, value_name = "MICROSECONDS")]
    cpu_quota: Option<i64>,
    #[arg(long, value_name = "MICROSECONDS")]
    cpu_rt_period: Option<i64>,
    #[arg(long, value_name = "MICROSECONDS")]
    cpu_rt_runtime: Option<i64>,
    #[arg(long, value_name = "LIST")]
    cpuset_cpus: Option<String>,
    #[arg(long, value_name = "LIST")]
    cpuset_mems: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    cpu_count: Option<i64>,
    #[arg(long, value_name = "PERCENT")]
    cpu_percent: Option<i64>,
}

#[derive(Clone, Debug, Args)]
struct BlockFlags {
    #[arg(long, value_name = "WEIGHT")]
    blkio_weight: Option<u16>,
    #[arg(long, value_name = "DEVICE:WEIGHT", value_parser = flags::weighted)]
    blkio_weight_device: Vec<Value>,
    #[arg(long, value_name = "DEVICE:BYTES", value_parser = flags::throttled)]
    device_read_bps: Vec<Value>,
    #[arg(long, value_name = "DEVICE:BYTES", value_parser = flags::throttled)]
    device_write_bps: Vec<Value>,
    #[arg(long, value_name = "DEVICE:NUMBER", value_parser = flags::rate)]
    device_read_iops: Vec<Value>,
    #[arg(long, value_name = "DEVICE:NUMBER", value_parser = flags::rate)]
    device_write_iops: Vec<Value>,
    #[arg(long, value_name = "BYTES", value_parser = flags::bytes)]
    io_maxbandwidth: Option<i64>,
    #[arg(long, value_name = "NUMBER")]
    io_maxiops: Option<u64>,
}

impl ResourceFlags {
    /// Whether it is started again when it ends.
    pub(super) fn has_restart(&self) -> bool {
        self.restart.as_ref().is_some_and(|policy| policy["Name"] != "no")
    }

    pub(super) fn put(&self, request: &mut Request) {
        let host = &mut request.host;
        let never = json!({"Name": "no", "MaximumRetryCount": 0});
        host["RestartPolicy"] = self.restart.clone().unwrap_or(never);
        self.memory.put(host);
        self.processors.put(host);
        self.blocks.put(host);
        let mut requests = self.gpus.clone();
        for device in &self.device {
            match device {
                Device::File(mapping) => {
                    let mut all = host["Devices"].as_array().cloned().unwrap_or_default();
                    all.push(mapping.clone());
                    host["Devices"] = json!(all);
                }
                Device::Named(name) => requests.push(json!({"Driver": "cdi", "DeviceIDs": [name]})),
            }
        }
        put_list(host, "DeviceRequests", &requests);
        put_list(host, "DeviceCgroupRules", &self.device_cgroup_rule);
        let mut limits = self.ulimit.clone();
        limits.sort_by_key(|limit| limit["Name"].to_string());
        put_list(host, "Ulimits", &limits);
        put_pairs(host, "Sysctls", &self.sysctl);
        put(host, "PidsLimit", self.pids_limit.as_ref());
        put(host, "CgroupParent", self.cgroup_parent.as_ref());
    }
}

impl MemoryFlags {
    fn put(&self, host: &mut Value) {
        for (field, value) in [
            ("Memory", self.memory),
            ("MemoryReservation", self.memory_reservation),
            ("MemorySwap", self.memory_swap),
            ("MemorySwappiness", self.memory_swappiness),
            ("KernelMemory", self.kernel_memory),
            ("ShmSize", self.shm_size),
            ("OomScoreAdj", self.oom_score_adj),
        ] {
            put(host, field, value.as_ref());
        }
        put(host, "OomKillDisable", self.oom_kill_disable.as_ref());
    }
}

impl ProcessorFlags {
    fn put(&self, host: &mut Value) {
        for (field, value) in [
            ("NanoCpus", self.cpus),
            ("CpuShares", self.cpu_shares),
            ("CpuPeriod", self.cpu_period),
            ("CpuQuota", self.cpu_quota),
            ("CpuRealtimePeriod", self.cpu_rt_period),
            ("CpuRealtimeRuntime", self.cpu_rt_runtime),
            ("CpuCount", self.cpu_count),
            ("CpuPercent", self.cpu_percent),
        ] {
            put(host, field, value.as_ref());
        }
        put(host, "CpusetCpus", self.cpuset_cpus.as_ref());
        put(host, "CpusetMems", self.cpuset_mems.as_ref());
    }
}

impl BlockFlags {
    fn put(&self, host: &mut Value) {
        put(host, "BlkioWeight", self.blkio_weight.as_ref());
        for (field, list) in [
            ("BlkioWeightDevice", &self.blkio_weight_device),
            ("BlkioDeviceReadBps", &self.device_read_bps),
            ("BlkioDeviceWriteBps", &self.device_write_bps),
            ("BlkioDeviceReadIOps", &self.device_read_iops),
            ("BlkioDeviceWriteIOps", &self.device_write_iops),
        ] {
            put_list(host, field, list);
        }
        put(host, "IOMaximumBandwidth", self.io_maxbandwidth.as_ref());
        put(host, "IOMaximumIOps", self.io_maxiops.as_ref());
    }
}
