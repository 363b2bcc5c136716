use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

use super::{Asked, Program, Settings, help};

/// A place with a TLS identity, and what is given there.
struct Case {
    folder: tempfile::TempDir,
    program: Program,
    flags: Vec<String>,
    variables: HashMap<String, OsString>,
    given_data: bool,
}

impl Case {
    fn of(program: Program) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = folder.path().join("tls");
        std::fs::create_dir(&tls).unwrap();
        for name in ["sts.pem", "sts.key", "control.pem", "control.key", "ca.pem"] {
            std::fs::write(tls.join(name), "").unwrap();
        }
        Self {
            folder,
            program,
            flags: Vec::new(),
            variables: HashMap::new(),
            given_data: true,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|&flag| flag.to_owned()));
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    fn file(self, text: &str) -> Self {
        let path = self.path().join("caracal.toml");
        std::fs::write(&path, text).unwrap();
        let path = path.display().to_string();
        self.flags(&["--config", &path])
    }

    fn read(&self) -> Result<Asked, Vec<String>> {
        let mut flags: Vec<OsString> = self.flags.iter().map(OsString::from).collect();
        if self.given_data {
            flags.extend(["--data".into(), self.path().into()]);
        }
        let environment = |name: &str| self.variables.get(name).cloned();
        Settings::read(self.program, &flags, &environment).map_err(|mistakes| {
            let text = mistakes.to_string();
            let folder = format!("{}/", self.path().display());
            let lines = text.lines().skip(1);
            lines.map(|line| line.trim().replace(&folder, "")).collect()
        })
    }

    fn settings(&self) -> Box<Settings> {
        match self.read() {
            Ok(Asked::Serve(settings)) => settings,
            Ok(Asked::Help | Asked::Check) => panic!("not to be served"),
            Err(mistakes) => panic!("{mistakes:#?}"),
        }
    }

    fn mistakes(&self) -> Vec<String> {
        self.read().err().unwrap_or_default()
    }
}

fn grpc(case: &Case) -> String {
    case.settings().token_service.unwrap().grpc.to_string()
}

#[test]
fn a_flag_counts_before_its_variable_and_that_before_the_file_and_the_default() {
    let case = Case::of(Program::Sts);
    assert_eq!(grpc(&case), "127.0.0.1:9090");
    let case = case.file("grpc = \"127.0.0.1:1\"\nlease-ms = 700\n");
    assert_eq!(grpc(&case), "127.0.0.1:1");
    assert_eq!(case.settings().lease_ms, 700);
    let case = case.variable("CARACAL_GRPC", "127.0.0.1:2");
    assert_eq!(grpc(&case), "127.0.0.1:2");
    let case = case.flags(&["--grpc=127.0.0.1:3"]);
    assert_eq!(grpc(&case), "127.0.0.1:3");
}

#[test]
fn the_file_may_be_named_by_the_environment_and_serve_several_commands() {
    let case = Case::of(Program::Control);
    let path = case.path().join("c.toml");
    let text = "admin = \"127.0.0.1:5\"\nhttps = \"127.0.0.1:6\"\nsts = [\"https://a:1\", \"https://b:2\"]\n";
    std::fs::write(&path, text).unwrap();
    let case = case.variable("CARACAL_CONFIG", &path.display().to_string());
    let settings = case.settings().management.unwrap();
    assert_eq!(settings.admin.port(), 5);
    assert_eq!(settings.token_services.len(), 2);
    let case = case.variable("CARACAL_STS", "https://c:3, https://d:4,https://e:5");
    assert_eq!(case.settings().management.unwrap().token_services.len(), 3);
}

#[test]
fn an_empty_variable_is_none_and_the_standards_names_are_known() {
    let case = Case::of(Program::Up)
        .variable("CARACAL_GRPC", "")
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317")
        .variable("OTEL_SERVICE_NAME", "tokens")
        .variable("RUST_LOG", "debug");
    let settings = case.settings();
    assert_eq!(settings.log_level, "debug");
    let telemetry = settings.telemetry.unwrap();
    assert_eq!(telemetry.service_name, "tokens");
    // Traces are no ledger.
    assert!(settings.ledger_export.is_none());
    let case = case.variable("CARACAL_LOG", "warn");
    assert_eq!(case.settings().log_level, "warn");
}

#[test]
fn every_mistake_of_all_three_places_is_reported_at_once_with_its_place() {
    let case = Case::of(Program::Sts)
        .file(
            "lease-ms = 50\n\
             metric = \"127.0.0.1:1\"\n\
             \n\
             log = \"xml\"\n\
             drain-ms = true\n\
             kek = [\"file\", 7]\n\
             http = \"here\"\n",
        )
        .variable("CARACAL_HTTP", "localhost:80")
        .variable("CARACAL_KEYS_IN", "cloud")
        .flags(&[
            "--grpc",
            "9090",
            "--admin",
            "127.0.0.1:1",
            "--metrics",
            "--redis-url",
            "redis://localhost",
            "stray",
            "--tls-key",
            "/none",
            "--lease",
            "--https=a",
            "--https=b",
        ]);
    let mut found = case.mistakes();
    found.sort();
    let mut expected = vec![
        "caracal.toml:1:12 lease-ms: must be a whole number from 100 to 60000",
        "caracal.toml:2:1 metric: there is no such setting; is metrics meant?",
        "caracal.toml:4:7 log: must be text or json",
        "caracal.toml:5:12 drain-ms: is neither a text in quotation marks nor a number",
        "caracal.toml:6:8 kek: write file:PATH, env:NAME or pkcs11:LABEL",
        "caracal.toml:6:16 kek: write file:PATH, env:NAME or pkcs11:LABEL",
        "caracal.toml:7:8 http: is no address: write an IP address and a port, such as 127.0.0.1:9090",
        "CARACAL_HTTP: is no address: write an IP address and a port, such as 127.0.0.1:9090",
        "CARACAL_KEYS_IN: must be database or pkcs11",
        "--grpc: is no address: write an IP address and a port, such as 127.0.0.1:9090",
        "--admin: is not a setting of caracal sts: leave it out",
        "--metrics: needs a value behind it",
        "--redis-key (not given): --redis-url needs it: make one with `head -c 32 /dev/urandom`, and give the same file to each replica",
        "argument 9: belongs to no flag: write --NAME VALUE; see --help",
        "--tls-key: there is no such file",
        "--lease: there is no such flag; see --help",
        "--https: is no address: write an IP address and a port, such as 127.0.0.1:9090",
        "--https: is given twice: leave one of them",
    ];
    expected.sort_unstable();
    // Two flags stand before them: --config and its file.
    let expected: Vec<_> = expected
        .iter()
        .map(|text| text.replace("argument 9", "argument 10"))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_mandate_lives_as_long_as_the_operator_says_and_never_beyond_fifteen_minutes() {
    let of = |span| Case::of(Program::Sts).flags(&["--mandate-lifetime", span]);
    let tokens = of("90s").settings().token_service.unwrap();
    assert_eq!(tokens.mandate_lifetime_s, Some(90));
    for span in ["0s", "16m", "5", "-1s"] {
        assert_eq!(of(span).mistakes().len(), 1, "{span}");
    }
}

#[test]
fn the_authority_of_a_redis_without_tls_is_a_mistake() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let of = |url: &str| {
        let flags = ["--redis-url", url, "--redis-key", file, "--redis-ca", file];
        Case::of(Program::Sts).flags(&flags).mistakes()
    };
    let mistake = "--redis-ca: is for a rediss URL; this one has no TLS";
    assert!(of("redis://localhost").iter().any(|line| line == mistake));
    assert!(of("rediss://localhost").iter().all(|line| line != mistake));
}

#[test]
fn the_management_api_sends_no_traces_and_says_so() {
    let found = Case::of(Program::Control)
        .flags(&["--otlp-endpoint", "http://localhost:4317"])
        .mistakes();
    let mistake = "--otlp-endpoint: is not a setting of caracal control: leave it out";
    assert!(found.iter().any(|line| line == mistake), "{found:#?}");
}

#[test]
fn a_file_that_is_not_toml_is_read_as_far_as_it_goes() {
    let case = Case::of(Program::Sts).file("lease-ms = \ngrpc = \"127.0.0.1:1\"\ndrain-ms = -1\n");
    let found = case.mistakes();
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("caracal.toml:1:12: is not TOML:")),
        "{found:#?}"
    );
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("caracal.toml:3:12 drain-ms")),
        "{found:#?}"
    );
    let missing = Case::of(Program::Sts).flags(&["--config", "/no/such/file"]);
    let found = missing.mistakes();
    assert!(
        found[0].starts_with("--config: /no/such/file cannot be read"),
        "{found:#?}"
    );
}

#[test]
fn what_depends_on_each_other_is_demanded_together() {
    for (program, flags, expected) in [
        (
            Program::Control,
            &[][..],
            "--sts (not given): give the gRPC address of each",
        ),
        (
            Program::Sts,
            &["--keys-in", "pkcs11"][..],
            "--pkcs11-module (not given): is needed",
        ),
        (
            Program::Sts,
            &["--pkcs11-token", "t"][..],
            "--pkcs11-pin (not given): is needed",
        ),
        (
            Program::Up,
            &["--kek", "pkcs11:kek"][..],
            "--pkcs11-token (not given): is needed",
        ),
        (
            Program::Up,
            &["--kek", "env:CARACAL_NO_SUCH_VARIABLE"][..],
            "--kek: the environment variable that it names is not set",
        ),
        (
            Program::Up,
            &["--kek", "file:/no/such/file"][..],
            "--kek: /no/such/file cannot be read",
        ),
        (
            Program::Control,
            &["--sts", "http://a:1"][..],
            "--sts: is no address of a token service",
        ),
        (
            Program::Sts,
            &["--control-id", "control"][..],
            "--control-id: is no SPIFFE ID",
        ),
    ] {
        let found = Case::of(program).flags(flags).mistakes();
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "{expected}\n{found:#?}"
        );
    }
    let otlp = Case::of(Program::Up).variable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    assert!(otlp.settings().telemetry.is_none(), "it concerns nobody");
    let otlp = otlp.flags(&["--otlp-endpoint", "http://localhost:4318"]);
    assert_eq!(otlp.mistakes().len(), 1);
}

#[test]
fn no_mistake_repeats_a_value() {
    const SECRET: &str = "hunter2-hunter2";
    let flags = [
        "grpc",
        "database",
        "redis-url",
        "lease-ms",
        "log",
        "log-level",
        "kek",
        "pkcs11-pin",
        "control-id",
        "key-lifetime",
        "replica",
        "otlp-endpoint",
        "otlp-ledger-endpoint",
        "otlp-headers",
        "tls-key",
        "pasword",
        "data",
    ];
    for flag in flags {
        for shape in [
            SECRET.to_owned(),
            format!("postgres://u:{SECRET}@[h/d"),
            format!("env:{SECRET}"),
            format!("https://u:{SECRET}@h:1"),
        ] {
            let mut case = Case::of(Program::Sts).flags(&[&format!("--{flag}"), &shape]);
            case.given_data = false;
            let found = case.mistakes();
            // A path that does not exist is named, where it is a path.
            let found = found
                .iter()
                .filter(|line| flag != "data" || !line.contains("does not exist"));
            for line in found {
                assert!(!line.contains("hunter2"), "{flag}: {line}");
            }
        }
        let text =
            format!("{flag} = \"{SECRET}\"\nbroken = \"{SECRET}\n{SECRET} = 1\nx = {SECRET}\n");
        let case = Case::of(Program::Sts).file(&text);
        for line in case.mistakes() {
            // Names of members are no secrets; nothing else of the file is repeated.
            assert!(
                !line.contains("hunter2") || line.contains(&format!("{SECRET}: there is no such")),
                "{flag}: {line}"
            );
        }
    }
}

#[test]
fn a_check_serves_nothing_and_help_names_every_setting_of_the_command() {
    let case = Case::of(Program::Up).flags(&["--check-config"]);
    assert!(matches!(case.read(), Ok(Asked::Check)));
    let case = Case::of(Program::Up).flags(&["--check-config", "--grpc", "x"]);
    assert_eq!(case.mistakes().len(), 1);
    for program in [Program::Up, Program::Sts, Program::Control] {
        let page = help(program);
        for setting in super::catalog::SETTINGS {
            let shown = page.contains(&format!("--{} ", setting.name));
            assert_eq!(
                shown,
                setting.is_of(program),
                "{program} --{}",
                setting.name
            );
        }
    }
}
