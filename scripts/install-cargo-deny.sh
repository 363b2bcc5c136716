#!/usr/bin/env bash
# cargo-deny, into our cache. It checks the dependencies' licences, sources and bans.
. "$(dirname "$0")/lib.sh"
rust_ready || die "no Rust >= $RUST_MIN" "run: make setup"

[ "$("$DENY" --version 2>/dev/null)" != "cargo-deny $DENY_VERSION" ] || exit 0

# Built to be done soon, not to run fast: it runs for a second or two per check.
build_deny() {
  export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0
  # Its own build folder, removed afterwards: nothing of it is of use to our build.
  CARGO_TARGET_DIR=$CACHE/tools-build cargo install --locked --force --version "$DENY_VERSION" \
    --root "$CACHE/tools" cargo-deny
  rm -rf "$CACHE/tools-build"
}

HELP=("It comes from cargo's registry: cargo must reach it.")
step "building cargo-deny $DENY_VERSION (once, a few minutes)" build_deny
