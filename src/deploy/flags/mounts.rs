use serde_json::{Value, json};

use super::csv::fields;
use super::quantities::{boolean, bytes};

/// What `--volume` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Volume {
    /// A path of the container, for which a volume is made.
    Anonymous(String),
    /// `SOURCE:PATH[:OPTIONS]`.
    Bind(String),
}

/// Reads `--volume`. A source that begins with `./` is below `folder`.
pub(crate) fn volume(text: &str, folder: &str) -> Volume {
    match text.split_once(':') {
        None => Volume::Anonymous(text.to_owned()),
        Some((source, rest)) => Volume::Bind(format!("{}:{rest}", absolute(source, folder))),
    }
}

fn absolute(source: &str, folder: &str) -> String {
    match source.strip_prefix("./") {
        Some(below) => format!("{}/{below}", folder.trim_end_matches('/')),
        None if source == "." => folder.to_owned(),
        None => source.to_owned(),
    }
}

/// `PATH[:OPTIONS]`.
pub(crate) fn tmpfs(text: &str) -> (String, String) {
    let (path, options) = text.split_once(':').unwrap_or((text, ""));
    (path.to_owned(), options.to_owned())
}

/// Reads `--mount type=…,source=…,target=…`. A source that begins with `./` is below `folder`.
pub(crate) fn mount(text: &str, folder: &str) -> Result<Value, String> {
    let mut mount = json!({"Type": "volume"});
    for field in fields(text)? {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (field.as_str(), None),
        };
        let is_switch = matches!(key, "readonly" | "ro" | "volume-nocopy" | "bind-nonrecursive");
        match value {
            None if is_switch => put(&mut mount, key, "true", folder)?,
            None => return Err(format!("`{field}`: write {key}=VALUE")),
            Some(value) => put(&mut mount, key, value, folder)?,
        }
    }
    if mount["Target"].is_null() {
        return Err("target= is missing".to_owned());
    }
    for (options, kind) in [("VolumeOptions", "volume"), ("BindOptions", "bind"), ("TmpfsOptions", "tmpfs")] {
        if !mount[options].is_null() && mount["Type"] != kind {
            return Err(format!("{kind}-… is for type={kind}"));
        }
    }
    // Docker's command line sends it with any option of a volume.
    if let Some(options) = mount.get_mut("VolumeOptions").and_then(Value::as_object_mut) {
        options.entry("DriverConfig").or_insert(json!({}));
    }
    Ok(mount)
}

fn put(mount: &mut Value, key: &str, value: &str, folder: &str) -> Result<(), String> {
    let named = |error: String| format!("{key}: {error}");
    let switch = || boolean(value).map_err(named);
    match key {
        "type" => mount["Type"] = json!(value.to_ascii_lowercase()),
        "source" | "src" => mount["Source"] = json!(absolute(value, folder)),
        "target" | "dst" | "destination" => mount["Target"] = json!(value),
        "readonly" | "ro" => mount["ReadOnly"] = json!(switch()?),
        "consistency" => mount["Consistency"] = json!(value.to_ascii_lowercase()),
        "bind-propagation" => mount["BindOptions"]["Propagation"] = json!(value.to_ascii_lowercase()),
        "bind-nonrecursive" => mount["BindOptions"]["NonRecursive"] = json!(switch()?),
        "bind-create-src" => mount["BindOptions"]["CreateMountpoint"] = json!(switch()?),
        "bind-recursive" => bind_recursive(mount, value)?,
        "volume-nocopy" => mount["VolumeOptions"]["NoCopy"] = json!(switch()?),
        "volume-subpath" => mount["VolumeOptions"]["Subpath"] = json!(value),
        "volume-driver" => mount["VolumeOptions"]["DriverConfig"]["Name"] = json!(value),
        "image-subpath" => mount["ImageOptions"]["Subpath"] = json!(value),
        "volume-label" | "volume-opt" => {
            let (name, value) = value.split_once('=').unwrap_or((value, ""));
            let of = if key == "volume-label" {
                &mut mount["VolumeOptions"]["Labels"]
            } else {
                &mut mount["VolumeOptions"]["DriverConfig"]["Options"]
            };
            of[name] = json!(value);
        }
        "tmpfs-size" => mount["TmpfsOptions"]["SizeBytes"] = json!(bytes(value).map_err(named)?),
        "tmpfs-mode" => {
            let mode =
                u32::from_str_radix(value, 8).map_err(|_| named(format!("`{value}` is not a mode")))?;
            mount["TmpfsOptions"]["Mode"] = json!(mode);
        }
        _ => return Err(format!("`{key}` is not known")),
    }
    Ok(())
}

fn bind_recursive(mount: &mut Value, value: &str) -> Result<(), String> {
    let options = &mut mount["BindOptions"];
    match value {
        "enabled" => {}
        "disabled" => options["NonRecursive"] = json!(true),
        "writable" => options["ReadOnlyNonRecursive"] = json!(true),
        "readonly" => options["ReadOnlyForceRecursive"] = json!(true),
        _ => return Err("bind-recursive: write enabled, disabled, writable or readonly".to_owned()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_as_docker_run_has_it() {
        for (text, expected) in [
            ("target=/d", json!({"Type": "volume", "Target": "/d"})),
            (
                "type=bind,src=./x,dst=/d,ro,bind-propagation=rslave",
                json!({"Type": "bind", "Source": "/here/x", "Target": "/d", "ReadOnly": true,
                    "BindOptions": {"Propagation": "rslave"}}),
            ),
            (
                r#"source=v,target=/d,volume-driver=local,"volume-opt=o=a,b",volume-label=l=1,volume-nocopy"#,
                json!({"Type": "volume", "Source": "v", "Target": "/d", "VolumeOptions": {"NoCopy": true,
                    "DriverConfig": {"Name": "local", "Options": {"o": "a,b"}}, "Labels": {"l": "1"}}}),
            ),
            (
                "type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=1770",
                json!({"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o1770}}),
            ),
        ] {
            assert_eq!(mount(text, "/here"), Ok(expected), "{text}");
        }
        for wrong in
            ["", "type=bind", "target=/d,what=1", "type=bind,target=/d,volume-nocopy", "target=/d,source"]
        {
            assert!(mount(wrong, "/").is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_volume_has_a_source_or_is_anonymous() {
        assert_eq!(volume("/d", "/here"), Volume::Anonymous("/d".into()));
        for (text, bind) in [("v:/d:ro", "v:/d:ro"), ("./x:/d", "/here/x:/d"), (".:/d", "/here:/d")] {
            assert_eq!(volume(text, "/here"), Volume::Bind(bind.into()), "{text}");
        }
        assert_eq!(tmpfs("/t:size=1k"), ("/t".into(), "size=1k".into()));
    }
}
