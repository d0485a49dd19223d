use clap::Args;
use serde_json::{Value, json};

use super::files::Caller;
use super::request::{Request, put, put_list, put_pairs};
use crate::deploy::flags;

/// What runs, and as what.
#[derive(Clone, Debug, Args)]
pub(super) struct ProcessFlags {
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    #[arg(long, value_name = "FILE")]
    env_file: Vec<String>,
    #[arg(short, long, value_name = "NAME[=VALUE]", value_parser = flags::label)]
    label: Vec<(String, String)>,
    #[arg(long, value_name = "FILE")]
    label_file: Vec<String>,
    #[arg(long, value_name = "NAME=VALUE", value_parser = flags::label)]
    annotation: Vec<(String, String)>,
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Option<String>,
    #[arg(short, long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    #[arg(long, value_name = "GROUP")]
    group_add: Vec<String>,
    #[arg(short, long, value_name = "PATH")]
    workdir: Option<String>,
    #[arg(short, long)]
    interactive: Option<bool>,
    #[arg(short, long)]
    tty: Option<bool>,
    #[arg(long)]
    init: Option<bool>,
    #[arg(long)]
    rm: Option<bool>,
    #[arg(long, value_name = "SIGNAL")]
    stop_signal: Option<String>,
    #[arg(long, value_name = "SECONDS")]
    stop_timeout: Option<i64>,
    #[command(flatten)]
    health: HealthFlags,
    #[command(flatten)]
    security: SecurityFlags,
}

/// How it is known to be healthy.
#[derive(Clone, Debug, Args)]
struct HealthFlags {
    #[arg(long, value_name = "CMD")]
    health_cmd: Option<String>,
    #[arg(long, value_name = "TIME", value_parser = flags::duration)]
    health_interval: Option<i64>,
    #[arg(long, value_name = "TIME", value_parser = flags::duration)]
    health_timeout: Option<i64>,
    #[arg(long, value_name = "TIME", value_parser = flags::duration)]
    health_start_period: Option<i64>,
    #[arg(long, value_name = "TIME", value_parser = flags::duration)]
    health_start_interval: Option<i64>,
    #[arg(long, value_name = "TIMES")]
    health_retries: Option<u32>,
    #[arg(long)]
    no_healthcheck: Option<bool>,
}

/// What it may do.
#[derive(Clone, Debug, Args)]
struct SecurityFlags {
    #[arg(long)]
    privileged: Option<bool>,
    #[arg(long, value_name = "CAPABILITY")]
    cap_add: Vec<String>,
    #[arg(long, value_name = "CAPABILITY")]
    cap_drop: Vec<String>,
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<String>,
    #[arg(long, value_name = "MODE")]
    userns: Option<String>,
    #[arg(long, value_name = "MODE")]
    cgroupns: Option<String>,
    #[arg(long, value_name = "MODE")]
    ipc: Option<String>,
    #[arg(long, value_name = "MODE")]
    pid: Option<String>,
    #[arg(long, value_name = "MODE")]
    uts: Option<String>,
    #[arg(long, value_name = "NAME")]
    runtime: Option<String>,
    #[arg(long, value_name = "NAME")]
    isolation: Option<String>,
}

impl ProcessFlags {
    pub(super) fn rm(&self) -> bool {
        self.rm == Some(true)
    }

    pub(super) fn put(&self, request: &mut Request, surroundings: &Caller<'_>) -> Result<(), String> {
        let (config, host) = (&mut request.config, &mut request.host);
        put_list(config, "Env", &self.variables(surroundings)?);
        put_pairs(config, "Labels", &self.labels(surroundings)?);
        put_pairs(host, "Annotations", &self.annotation);
        // An empty one takes the image's away; engines know that by an empty word.
        put(config, "Entrypoint", self.entrypoint.as_ref().map(|program| [program]).as_ref());
        put(config, "User", self.user.as_ref());
        put_list(host, "GroupAdd", &self.group_add);
        put(config, "WorkingDir", self.workdir.as_ref());
        put(config, "OpenStdin", self.interactive.as_ref());
        put(config, "Tty", self.tty.as_ref());
        put(host, "Init", self.init.as_ref());
        put(host, "AutoRemove", self.rm.as_ref());
        put(config, "StopSignal", self.stop_signal.as_ref());
        put(config, "StopTimeout", self.stop_timeout.as_ref());
        self.health.put(config)?;
        self.security.put(host, surroundings)
    }

    fn variables(&self, surroundings: &Caller<'_>) -> Result<Vec<String>, String> {
        let known = |name: &str| surroundings.variable(name);
        let mut variables = Vec::new();
        for file in &self.env_file {
            let lines = flags::file_lines(&surroundings.file("--env-file", file)?, &known);
            variables.extend(lines.map_err(|error| format!("--env-file {file}: {error}"))?);
        }
        for variable in &self.env {
            variables.push(flags::variable(variable, &known).map_err(|error| format!("--env {error}"))?);
        }
        Ok(variables)
    }

    fn labels(&self, surroundings: &Caller<'_>) -> Result<Vec<(String, String)>, String> {
        let mut labels = Vec::new();
        for file in &self.label_file {
            let named = |error: String| format!("--label-file {file}: {error}");
            let empty = |_: &str| Some(String::new());
            let lines =
                flags::file_lines(&surroundings.file("--label-file", file)?, &empty).map_err(named)?;
            for line in lines {
                labels.push(flags::label(&line).map_err(named)?);
            }
        }
        labels.extend(self.label.iter().cloned());
        Ok(labels)
    }
}

impl HealthFlags {
    fn put(&self, config: &mut Value) -> Result<(), String> {
        let mut check = json!({});
        let test = self.health_cmd.as_ref().filter(|command| !command.is_empty());
        put(&mut check, "Test", test.map(|command| ["CMD-SHELL", command]).as_ref());
        for (field, time) in [
            ("Interval", self.health_interval),
            ("Timeout", self.health_timeout),
            ("StartPeriod", self.health_start_period),
            ("StartInterval", self.health_start_interval),
            ("Retries", self.health_retries.map(i64::from)),
        ] {
            put(&mut check, field, time.filter(|time| *time != 0).as_ref());
        }
        let is_given = check != json!({});
        match (self.no_healthcheck, is_given) {
            (Some(true), true) => {
                return Err("--no-healthcheck and --health-…: one or the other".to_owned());
            }
            (Some(true), false) => config["Healthcheck"] = json!({"Test": ["NONE"]}),
            (_, true) => config["Healthcheck"] = check,
            (_, false) => {}
        }
        Ok(())
    }
}

impl SecurityFlags {
    fn put(&self, host: &mut Value, surroundings: &Caller<'_>) -> Result<(), String> {
        put(host, "Privileged", self.privileged.as_ref());
        put_list(host, "CapAdd", &self.cap_add);
        put_list(host, "CapDrop", &self.cap_drop);
        for (field, mode) in [
            ("UsernsMode", &self.userns),
            ("CgroupnsMode", &self.cgroupns),
            ("IpcMode", &self.ipc),
            ("PidMode", &self.pid),
            ("UTSMode", &self.uts),
            ("Runtime", &self.runtime),
            ("Isolation", &self.isolation),
        ] {
            put(host, field, mode.as_ref());
        }
        let mut options = Vec::new();
        for option in &self.security_opt {
            if option == "systempaths=unconfined" {
                // No option of engines: it says that nothing is hidden.
                host["MaskedPaths"] = json!([]);
                host["ReadonlyPaths"] = json!([]);
            } else {
                options.push(surroundings.security_option(option)?);
            }
        }
        put_list(host, "SecurityOpt", &options);
        Ok(())
    }
}
