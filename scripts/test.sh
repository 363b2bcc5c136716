#!/usr/bin/env bash
# Everything that must hold before a commit. Cheap checks first.
. "$(dirname "$0")/lib.sh"
use_env
lint_tools_ready || die "no rustfmt or clippy for $(rustc --version)" \
  "With rustup: rustup component add rustfmt clippy." \
  "With Debian's compiler: apt-get install rustfmt-web rust-web-clippy."

"$ROOT/scripts/lint-shell.sh"
step "format" cargo fmt --all --check
"$ROOT/scripts/build-wasm.sh"
"$ROOT/scripts/build-native.sh"
# All in the release profile: clippy then shares the C code and the macros that are already built,
# and the tests share the compiled dependencies.
step "clippy" cargo_locked clippy --release --workspace --all-targets -- -D warnings
step "building the tests" cargo_locked test --release --workspace --no-run
STEP_TAIL=120
step "tests (unit, laws, end to end on Envoy, story)" \
  cargo_locked test --release --workspace --no-fail-fast
awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
  END { printf "  %d passed, %d failed, %d ignored\n", passed, failed, ignored }' \
  "$STEP_LOG"
"$ROOT/scripts/deny.sh"
say "make test: passed"
