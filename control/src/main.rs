//! The `caracal` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// An exchange makes some hundred small allocations, many of which another thread gives back.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    // Fails only if a provider is installed already, and nothing ran before this.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    caracal_control::cli::run().await
}
