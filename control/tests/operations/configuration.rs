//! Mistakes as an operator meets them.

use crate::support::Place;

#[test]
fn a_configuration_with_mistakes_ends_with_exit_code_2_and_names_them_all() {
    let place = Place::new();
    let file = place.path("caracal.toml");
    std::fs::write(&file, "lease-ms = 1\nlgo = \"json\"\n").unwrap();
    for command in ["sts", "control", "up"] {
        let mut command = place.command([command, "--check-config", "--nonsense"]);
        command
            .arg("--config")
            .arg(&file)
            .env("CARACAL_DRAIN_MS", "soon");
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        for part in [
            ":1:12 lease-ms: must be a whole number",
            ":2:1 lgo: there is no such setting",
            "CARACAL_DRAIN_MS: must be a whole number",
            "--nonsense: there is no such flag",
            "--tls-cert (not given): ",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }
}

#[test]
fn a_configuration_in_order_is_said_to_be_and_nothing_is_made() {
    let place = Place::new();
    let data = place.path("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::rename(place.path("tls"), data.join("tls")).unwrap();
    let mut command = place.command(["up", "--check-config", "--data"]);
    let output = command.arg(&data).output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "caracal up: the configuration is in order\n");
    let made: Vec<_> = std::fs::read_dir(&data).unwrap().collect();
    assert_eq!(made.len(), 1, "{made:?}");
}
