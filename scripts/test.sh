#!/usr/bin/env bash
# Everything that must hold before a commit. Cheap checks first.
. "$(dirname "$0")/lib.sh"
use_env
lint_tools_ready || die "no rustfmt or clippy for $(rustc --version)" \
  "With rustup: rustup component add rustfmt clippy." \
  "With Debian's compiler: apt-get install rustfmt-web rust-web-clippy."

"$ROOT/scripts/lint-shell.sh"
step "format" cargo fmt --all --check
# The fuzz targets are compiled with coverage, by `make fuzz` only; their laws are tested here.
step "format of the fuzz targets" cargo fmt --manifest-path tests/fuzz/Cargo.toml --all --check
"$ROOT/scripts/build-wasm.sh"
"$ROOT/scripts/build-native.sh"
# All in the release profile: clippy then shares the C code and the macros that are already built,
# and the tests share the compiled dependencies.
step "clippy" cargo_locked clippy --release --workspace --all-targets -- -D warnings
step "building the tests" cargo_locked test --release --workspace --no-run
# What a failed assertion says would be lost among the frames of a backtrace.
export RUST_BACKTRACE=0
try "tests (unit, laws, end to end on Envoy, story)" \
  cargo_locked test --release --workspace --no-fail-fast
if [ "$STEP_RC" -ne 0 ]; then
  # What each failed test printed; the end of the log only names them.
  awk '/^failures:$/ { shown = 1 } /^test result:/ { shown = 0 } shown' "$STEP_LOG" |
    grep -v '^$' | tail -n 200 | sed 's/^/  | /' >&2
  die "tests: failed"
fi
awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
  END { printf "  %d passed, %d failed, %d ignored\n", passed, failed, ignored }' \
  "$STEP_LOG"
"$ROOT/scripts/deny.sh"
say "make test: passed"
