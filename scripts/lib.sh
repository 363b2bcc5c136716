# Shared by every script here: where things are, how progress is shown, and which Rust is used.
# Sourced, never run.
# shellcheck shell=bash
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${CARACAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/caracal}
LOGS=$ROOT/target/logs
mkdir -p "$CACHE" "$LOGS" "$ROOT/target/wasm"

RUST_MIN=1.94          # the oldest compiler the crates accept (rust-version in Cargo.toml)
RUST_PIN=1.95.0        # the one we lint and test with, when rustup can give it
ENVOY_VERSION=1.40.0
DENY_VERSION=0.20.2
GO_MIN=1.25            # what OPA is built with
GO_VERSION=1.26.8      # the one we fetch where there is none, or an older one
OPA_VERSION=1.22.0     # what our evaluation of Rego is held against
VERSITYGW_VERSION=1.8.0 # an S3 server that the ledger is published to in tests
WASM_TARGET=wasm32-wasip1
DENY=$CACHE/tools/bin/cargo-deny
GO_DIR=$CACHE/go-$GO_VERSION
OPA=${CARACAL_OPA:-$CACHE/tools/bin/opa}
VERSITYGW=${CARACAL_VERSITYGW:-$CACHE/tools/bin/versitygw}
CLOCK=${CARACAL_CLOCK_LIBRARY:-$CACHE/tools/lib/clock.so}
OPA_CASES=${CARACAL_OPA_CASES:-$CACHE/tools/opa-cases-$OPA_VERSION}
export ENVOY_VERSION DENY_VERSION DENY GO_VERSION GO_DIR OPA_VERSION OPA OPA_CASES VERSITYGW_VERSION VERSITYGW CLOCK WASM_TARGET

# rustup and cargo put their programs here; a shell started by CI often has not read the profile.
[ ! -d "${CARGO_HOME:-$HOME/.cargo}/bin" ] || PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
PATH=$PATH:/usr/sbin:/sbin
export PATH

say()  { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
# die WHAT [WHY AND WHAT TO DO]...
die()  { printf 'error: %s\n' "$1" >&2; shift; [ $# -eq 0 ] || printf '       %s\n' "$@" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# step "what is done" command...: one line of progress with the time it took. The command's output
# goes to $STEP_LOG; its end is shown when the command fails, then the lines of the array HELP, and
# the script ends. A dot every 20 s shows life.
#
# Write `step` and `try` on a line of their own, never before || or && and never after `if`: bash
# switches `set -e` off there for everything they call, even in a subshell, and a function with a
# failed command in its middle would carry on.
HELP=()
step() {
  try "$@"
  [ "$STEP_RC" -eq 0 ] || die "$1: failed" "${HELP[@]}"
  HELP=()
}

# try: the same, but a failure only leaves its code in $STEP_RC.
try() {
  local name=$1 log start beat
  shift
  log=$LOGS/$(printf '%s' "$name" | tr -cs 'A-Za-z0-9.' '-').log
  export STEP_LOG=$log
  start=$SECONDS
  printf '%-58s ' "$name"
  (while sleep 20; do printf '.'; done) 2>/dev/null & beat=$!
  # shellcheck disable=SC2064  # expand now: the pid of this heartbeat
  trap "kill $beat 2>/dev/null; exit 130" INT TERM
  set +e
  (set -e; "$@") </dev/null >"$log" 2>&1
  STEP_RC=$?
  set -e
  trap - INT TERM
  { kill "$beat" && wait "$beat"; } 2>/dev/null || true
  if [ "$STEP_RC" -eq 0 ]; then
    printf 'ok (%d s)\n' $((SECONDS - start))
  else
    printf 'FAILED (%d s)\n' $((SECONDS - start))
    tail -n 40 "$log" | sed 's/^/  | /' >&2
    printf '  the whole log: %s\n' "$log" >&2
  fi
}

# --- apt ---------------------------------------------------------------------------------------

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif have sudo; then sudo -n "$@"
  else say "neither root nor sudo: cannot run: $*" >&2; return 1
  fi
}

have_pkg() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
candidate() { apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" {print $2}'; }

# The index is read anew once per set-up and only when something must be installed. A failing
# extra source must not stop us while the packages we need can be found.
apt_update() {
  have apt-get || { say "no apt-get on this machine" >&2; return 1; }
  [ -z "${APT_UPDATED:-}" ] || return 0
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q ||
    say "apt-get update failed; going on with the index that is there"
  APT_UPDATED=1
}

# --no-remove: set-up may add packages to somebody's machine, never take one away.
apt_install() {
  apt_update
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get install -y -q --no-install-recommends --no-remove "$@"
}

# --- Rust --------------------------------------------------------------------------------------

# at_least MIN VERSION
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# With rustup, take the pinned release when it is there, so that lints mean the same everywhere.
# This is not a rust-toolchain.toml because that file makes cargo fail where the pin is missing
# and cannot be fetched, although a newer compiler would do.
use_rust() {
  if have rustup && [ -z "${RUSTUP_TOOLCHAIN:-}" ] &&
    [[ $'\n'$(rustup toolchain list 2>/dev/null) == *$'\n'"$RUST_PIN"-* ]]; then
    export RUSTUP_TOOLCHAIN=$RUST_PIN
  fi
}

rust_ready() {
  use_rust
  local v
  v=$(rustc --version 2>/dev/null | awk '{print $2}')
  [ -n "$v" ] && at_least "$RUST_MIN" "$v" && cargo --version >/dev/null 2>&1
}

lint_tools_ready() { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1

# Puts a Go toolchain that is new enough first on the PATH: one that is there, else our own.
go_ready() {
  local go version
  for go in "$(command -v go || true)" /usr/local/go/bin/go "$GO_DIR/bin/go"; do
    version=$("$go" env GOVERSION 2>/dev/null | sed 's/^go//') || true
    if at_least "$GO_MIN" "$version"; then
      PATH=$(dirname "$go"):$PATH
      return 0
    fi
  done
  return 1
}

# Where cargo builds. CI clones afresh, so its build folder lives outside the checkout; the key
# changes with the locked dependencies and the compiler, so an old folder is never reused wrongly.
use_target_dir() {
  if [ -z "${CARGO_TARGET_DIR:-}" ]; then
    if [ "${CI:-}" = true ]; then
      local key
      key=$({ cat "$ROOT/Cargo.lock" 2>/dev/null || true; rustc -vV; } | sha256sum | cut -c1-16)
      CARGO_TARGET_DIR=$CACHE/target-$key
      mkdir -p "$CARGO_TARGET_DIR"
      touch "$CARGO_TARGET_DIR"
      find "$CACHE" -mindepth 1 -maxdepth 1 -name 'target-*' -mtime +7 -exec rm -rf {} +
    else
      CARGO_TARGET_DIR=$ROOT/target
    fi
  fi
  export CARGO_TARGET_DIR
}

# In CI a lock file that does not fit the manifests is an error, not something to repair.
cargo_locked() { if [ "${CI:-}" = true ]; then cargo "$1" --locked "${@:2}"; else cargo "$@"; fi; }

# --- what the programs and the end-to-end tests need to find -----------------------------------

ENVOY_DIR=$CACHE/envoy-$ENVOY_VERSION
WASM_STD=$CACHE/wasm-std        # only filled where rustup cannot give the wasm std
WASM_OUT=$ROOT/target/wasm/caracal-filter.wasm
WASM_TRAP_OUT=$ROOT/target/wasm/caracal-filter-trap.wasm # for the fault tests
WASM_FLOOR_OUT=$ROOT/target/wasm/caracal-floor.wasm # for the benchmark
export ENVOY_DIR WASM_STD WASM_OUT WASM_TRAP_OUT WASM_FLOOR_OUT

wasm_std_from_toolchain() {
  [ "${CARACAL_WASM_STD:-}" != debian ] &&
    compgen -G "$(rustc --print sysroot)/lib/rustlib/$WASM_TARGET/lib/libstd-*.rlib" >/dev/null
}

# The clients of the tests with what they need. The key changes with anything about them, and with
# the Python that their packages are for.
clients_dir() {
  local key
  key=$({ cd "$ROOT/tests/clients" && find . -type f ! -name '*.md' -exec sha256sum {} + | LC_ALL=C sort
    python3 -c 'import sys; print(sys.implementation.cache_tag)'; } | sha256sum | cut -c1-16)
  printf '%s\n' "$CACHE/tools/clients-$key"
}

use_env() {
  rust_ready || die "no Rust >= $RUST_MIN" "run: make setup"
  use_target_dir
  export CARACAL_BIN=$CARGO_TARGET_DIR/release/caracal
  export CARACAL_FILTER_WASM=$WASM_OUT CARACAL_TRAP_FILTER_WASM=$WASM_TRAP_OUT CARACAL_FLOOR_WASM=$WASM_FLOOR_OUT
  export CARACAL_ENVOY=${CARACAL_ENVOY:-$ENVOY_DIR/envoy}
  export CARACAL_OPA=$OPA CARACAL_OPA_CASES=$OPA_CASES CARACAL_CLOCK_LIBRARY=$CLOCK
  export CARACAL_VERSITYGW=$VERSITYGW
  CARACAL_CLIENTS=${CARACAL_CLIENTS:-$(clients_dir)}
  export CARACAL_CLIENTS
  cd "$ROOT"
}
