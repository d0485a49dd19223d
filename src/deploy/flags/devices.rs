use serde_json::{Value, json};

use super::csv::fields;
use super::pairs::label;
use super::quantities::bytes;

/// What `--device` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// A file of `/dev`.
    File(Value),
    /// A name that a vendor gives it, `vendor.com/class=name` (Container Device Interface).
    Named(String),
}

/// Reads `--device MACHINE[:CONTAINER][:PERMISSIONS]`.
pub(crate) fn device(text: &str) -> Result<Device, String> {
    if !text.starts_with('/') && text.contains('/') && text.contains('=') {
        return Ok(Device::Named(text.to_owned()));
    }
    let is_permissions = |text: &str| !text.is_empty() && text.bytes().all(|byte| b"rwm".contains(&byte));
    let parts: Vec<&str> = text.split(':').collect();
    let (path, inside, permissions) = match parts[..] {
        [path] => (path, path, "rwm"),
        [path, permissions] if is_permissions(permissions) => (path, path, permissions),
        [path, inside] => (path, inside, "rwm"),
        [path, inside, permissions] if is_permissions(permissions) => (path, inside, permissions),
        _ => return Err("write MACHINE[:CONTAINER][:rwm]".to_owned()),
    };
    if path.contains('*') {
        return Err(format!("`{path}`: name each device"));
    }
    if !path.starts_with('/') || !inside.starts_with('/') {
        return Err("a device is an absolute path".to_owned());
    }
    Ok(Device::File(json!({"PathOnHost": path, "PathInContainer": inside, "CgroupPermissions": permissions})))
}

/// `TYPE MAJOR:MINOR MODE`, such as `c 1:3 mr`.
pub(crate) fn device_rule(text: &str) -> Result<String, String> {
    let is_number =
        |text: &str| text == "*" || (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    let parts: Vec<&str> = text.split(' ').collect();
    let is_rule = match parts[..] {
        [kind, numbers, mode] => {
            let (major, minor) = numbers.split_once(':').unwrap_or_default();
            matches!(kind, "a" | "b" | "c")
                && is_number(major)
                && is_number(minor)
                && matches!(mode.len(), 1..=3)
                && mode.bytes().all(|byte| b"rwm".contains(&byte))
        }
        _ => false,
    };
    if is_rule {
        Ok(text.to_owned())
    } else {
        Err("write `TYPE MAJOR:MINOR MODE`, such as `c 1:3 mr`".to_owned())
    }
}

/// `NAME=SOFT[:HARD]`; -1 is no limit.
pub(crate) fn ulimit(text: &str) -> Result<Value, String> {
    let wrong = || "write NAME=SOFT[:HARD]".to_owned();
    let (name, limits) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?;
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let limit = |text: &str| text.parse::<i64>().ok().filter(|limit| *limit >= -1).ok_or_else(wrong);
    let (soft, hard) = (limit(soft)?, limit(hard)?);
    if hard != -1 && (soft == -1 || soft > hard) {
        return Err("the soft limit is above the hard one".to_owned());
    }
    Ok(json!({"Name": name, "Soft": soft, "Hard": hard}))
}

/// `PATH:WEIGHT`.
pub(crate) fn weighted(text: &str) -> Result<Value, String> {
    let (path, weight) = of_device(text)?;
    match weight.parse::<u16>() {
        Ok(weight @ (0 | 10..=1000)) => Ok(json!({"Path": path, "Weight": weight})),
        _ => Err("a weight is 10 to 1000".to_owned()),
    }
}

/// `PATH:BYTES` a second.
pub(crate) fn throttled(text: &str) -> Result<Value, String> {
    let (path, rate) = of_device(text)?;
    Ok(json!({"Path": path, "Rate": bytes(rate)?}))
}

/// `PATH:NUMBER` a second.
pub(crate) fn rate(text: &str) -> Result<Value, String> {
    let (path, rate) = of_device(text)?;
    let rate = rate.parse::<u64>().map_err(|_| format!("`{rate}` is not a number"))?;
    Ok(json!({"Path": path, "Rate": rate}))
}

fn of_device(text: &str) -> Result<(&str, &str), String> {
    let parts = text.split_once(':').filter(|(path, _)| path.starts_with("/dev/"));
    parts.ok_or_else(|| "write /dev/NAME:NUMBER".to_owned())
}

/// `all`, a number, or `device=…,driver=…,count=…,capabilities=…,options=…`.
pub(crate) fn gpus(text: &str) -> Result<Value, String> {
    let number = |text: &str| match text {
        "all" => Ok(-1),
        _ => text.parse::<i64>().map_err(|_| format!("`{text}`: write all or a number")),
    };
    let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    let (mut driver, mut count, mut devices, mut capabilities, mut options) =
        (String::new(), None, None, vec!["gpu".to_owned()], json!({}));
    for field in fields(text)? {
        match field.split_once('=') {
            None => count = Some(number(&field)?),
            Some(("count", value)) => count = Some(number(value)?),
            Some(("driver", value)) => value.clone_into(&mut driver),
            Some(("device", value)) => devices = Some(list(value)),
            Some(("capabilities", value)) => {
                capabilities = list(value).into_iter().chain(["gpu".to_owned()]).collect();
            }
            Some(("options", value)) => {
                for option in fields(value)? {
                    let (name, value) = label(&option)?;
                    options[name] = json!(value);
                }
            }
            Some((key, _)) => return Err(format!("`{key}` is not known")),
        }
    }
    let count = count.unwrap_or(i64::from(devices.is_none()));
    Ok(json!({"Driver": driver, "Count": count, "DeviceIDs": devices, "Capabilities": [capabilities],
        "Options": options}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_paths_and_permissions() {
        let file = |path: &str, inside: &str, permissions: &str| {
            Ok(Device::File(
                json!({"PathOnHost": path, "PathInContainer": inside, "CgroupPermissions": permissions}),
            ))
        };
        assert_eq!(device("/dev/a"), file("/dev/a", "/dev/a", "rwm"));
        assert_eq!(device("/dev/a:r"), file("/dev/a", "/dev/a", "r"));
        assert_eq!(device("/dev/a:/dev/b:rw"), file("/dev/a", "/dev/b", "rw"));
        assert_eq!(device("acme.com/gpu=0"), Ok(Device::Named("acme.com/gpu=0".into())));
        for wrong in ["", "dev", "/dev/*", "/dev/a:/dev/b:x", "/a:/b:r:w"] {
            assert!(device(wrong).is_err(), "{wrong}");
        }
        assert!(device_rule("c 1:3 mr").is_ok() && device_rule("a *:* rwm").is_ok());
        assert!(device_rule("c 1 mr").is_err() && device_rule("x 1:3 r").is_err());
    }

    #[test]
    fn limits_have_two_numbers() {
        assert_eq!(ulimit("core=0"), Ok(json!({"Name": "core", "Soft": 0, "Hard": 0})));
        assert_eq!(ulimit("nofile=1:-1"), Ok(json!({"Name": "nofile", "Soft": 1, "Hard": -1})));
        assert!(ulimit("nofile").is_err() && ulimit("nofile=2:1").is_err() && ulimit("nofile=x").is_err());
        assert_eq!(weighted("/dev/a:300"), Ok(json!({"Path": "/dev/a", "Weight": 300})));
        assert_eq!(throttled("/dev/a:1mb"), Ok(json!({"Path": "/dev/a", "Rate": 1 << 20})));
        assert_eq!(rate("/dev/a:7"), Ok(json!({"Path": "/dev/a", "Rate": 7})));
        assert!(weighted("/dev/a:5").is_err() && throttled("a:1").is_err() && rate("/dev/a:1m").is_err());
    }

    #[test]
    fn gpus_are_counted_or_named() {
        let request = |count: i64, devices: Value, capabilities: Value| {
            Ok(json!({"Driver": "", "Count": count, "DeviceIDs": devices, "Capabilities": [capabilities],
                "Options": {}}))
        };
        assert_eq!(gpus("all"), request(-1, Value::Null, json!(["gpu"])));
        assert_eq!(
            gpus(r#""device=0,1",capabilities=utility"#),
            request(0, json!(["0", "1"]), json!(["utility", "gpu"]))
        );
        assert_eq!(gpus("capabilities=utility"), request(1, Value::Null, json!(["utility", "gpu"])));
        assert!(gpus("some").is_err() && gpus("what=1").is_err());
    }
}
