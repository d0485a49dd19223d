use super::*;

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|word| (*word).to_owned()).collect()
}

fn request(line: &[&str]) -> Value {
    let environment = Environment::with_variables([("SET", "outside")]);
    creation(&words(line), &environment).expect("valid").request
}

fn refused(line: &[&str]) -> String {
    let error = creation(&words(line), &Environment::default()).expect_err("invalid");
    format!("{:?}", error.into_findings())
}

#[test]
fn the_command_line_is_one_that_clap_takes() {
    command().debug_assert();
    let ids: Vec<String> = RunFlags::command().get_arguments().map(|arg| arg.get_id().to_string()).collect();
    assert!(SWITCHES.iter().all(|switch| ids.iter().any(|id| id == switch)), "{ids:?}");
}

#[test]
fn words_are_read_as_docker_run_reads_them() {
    let it = request(&[
        "-it",
        "-d",
        "--rm",
        "-eA=1",
        "-e",
        "SET",
        "-e=B=2",
        "--memory-swap",
        "-1",
        "sh",
        "-c",
        "-x",
    ]);
    assert_eq!((&it["OpenStdin"], &it["Tty"]), (&json!(true), &json!(true)));
    assert_eq!(it["Env"], json!(["A=1", "SET=outside", "B=2"]));
    assert_eq!(it["Cmd"], json!(["sh", "-c", "-x"]));
    assert_eq!(
        (&it["HostConfig"]["AutoRemove"], &it["HostConfig"]["MemorySwap"]),
        (&json!(true), &json!(-1))
    );
    assert_eq!(request(&["--user", "me", "--user", "you"])["User"], "you", "the last one counts");
    assert_eq!(request(&["--init=false"])["HostConfig"]["Init"], json!(false));
    assert_eq!(
        request(&["-i", "--", "-x"])["Cmd"],
        json!(["-x"]),
        "a command may begin with a dash after `--`"
    );
    assert_eq!(request(&["--entrypoint", ""])["Entrypoint"], json!([""]));
    assert_eq!(request(&["--entrypoint", "/run"])["Entrypoint"], json!(["/run"]));
}

#[test]
fn what_nobody_knows_is_named() {
    assert!(refused(&["--colour", "red"]).contains("--colour"));
    assert!(refused(&["-e", "A=1", "-Z"]).contains("-Z"));
    assert!(refused(&["--memory", "much"]).contains("--memory"));
    assert!(refused(&["--memory"]).contains("--memory"));
    assert!(refused(&["--name", "x"]).contains("deploy --create NAME"));
    assert!(refused(&["--platform=linux/arm64"]).contains("before the `--`"));
    assert!(refused(&["--env-file", "/no/such/file"]).contains("/no/such/file"));
    assert!(refused(&["--mount", "type=bind"]).contains("--mount"));
}

#[test]
fn what_contradicts_itself_is_refused() {
    for wrong in [
        &["--rm", "--restart", "always"][..],
        &["--no-healthcheck", "--health-cmd", "x"],
        &["--log-driver", "none", "--log-opt", "a=b"],
        &["--network", "a", "--network", "a"],
        &["--network", "a", "--network", "host"],
        &["--network", "name=a,alias=x", "--network-alias", "y"],
        &["--network-alias", "y"],
        &["--security-opt", "nothing"],
    ] {
        refused(wrong);
    }
}

#[test]
fn networks_and_ports_find_their_places() {
    let line = ["--network", "name=a,alias=x", "--network", "b", "--ip", "10.0.0.5"];
    let made = creation(&words(&line), &Environment::default()).expect("valid");
    assert_eq!(made.request["HostConfig"]["NetworkMode"], "a");
    assert_eq!(
        made.request["NetworkingConfig"]["EndpointsConfig"],
        json!({"a": {"Aliases": ["x"], "IPAMConfig": {"IPv4Address": "10.0.0.5"}}})
    );
    assert_eq!(made.connect, [("b".to_owned(), json!({}))]);
    let it = request(&["-p", "8080:80", "-p", "127.0.0.1::80", "--expose", "7-8"]);
    assert_eq!(it["ExposedPorts"], json!({"80/tcp": {}, "7/tcp": {}, "8/tcp": {}}));
    let bindings = json!([{"HostIp": "", "HostPort": "8080"}, {"HostIp": "127.0.0.1", "HostPort": ""}]);
    assert_eq!(it["HostConfig"]["PortBindings"], json!({"80/tcp": bindings}));
    assert_eq!(it["HostConfig"]["NetworkMode"], "default");
}

#[test]
fn files_are_read_where_the_caller_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, content: &str| std::fs::write(folder.path().join(name), content).expect("a file");
    write("env", "# variables\nA=1\nSET\nUNSET\n");
    write("labels", "l=1\nalone\n");
    write("profile.json", "{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\"\n}\n");
    let mut environment = Environment::with_variables([("SET", "outside")]);
    environment.current_dir = folder.path().to_owned();
    let line = [
        "--env-file",
        "env",
        "-e",
        "B=2",
        "--label-file",
        "labels",
        "--label",
        "l=2",
        "--security-opt",
        "seccomp=profile.json",
        "-v",
        "./x:/x",
    ];
    let it = creation(&words(&line), &environment).expect("valid").request;
    assert_eq!(it["Env"], json!(["A=1", "SET=outside", "B=2"]));
    assert_eq!(it["Labels"], json!({"l": "2", "alone": ""}));
    assert_eq!(it["HostConfig"]["SecurityOpt"], json!([r#"seccomp={"defaultAction":"SCMP_ACT_ALLOW"}"#]));
    assert_eq!(it["HostConfig"]["Binds"], json!([format!("{}/x:/x", folder.path().display())]));
}
