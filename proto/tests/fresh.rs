//! The committed code is what the .proto files generate.

use std::path::Path;

const FILES: [&str; 6] = [
    "caracal/enforcement/v1/enforcement.proto",
    "caracal/ledger/v1/ledger.proto",
    "caracal/extauthz/v1/extauthz.proto",
    "caracal/operations/v1/operations.proto",
    "opentelemetry/logs_service.proto",
    "opentelemetry/trace_service.proto",
];

#[test]
fn the_committed_code_is_what_the_proto_files_generate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::tempdir().unwrap();
    let descriptors = protox::compile(FILES.map(|file| root.join(file)), [root]).unwrap();
    tonic_prost_build::configure()
        .out_dir(out.path())
        .client_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .compile_fds(descriptors)
        .unwrap();
    for entry in std::fs::read_dir(out.path()).unwrap() {
        let generated = entry.unwrap().path();
        let committed = root.join("src/gen").join(generated.file_name().unwrap());
        if std::env::var_os("CARACAL_REGENERATE").is_some() {
            std::fs::copy(&generated, &committed).unwrap();
        }
        let same =
            std::fs::read(&generated).unwrap() == std::fs::read(&committed).unwrap_or_default();
        assert!(
            same,
            "{} is stale: run with CARACAL_REGENERATE=1",
            committed.display()
        );
    }
}
