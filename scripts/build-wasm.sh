#!/usr/bin/env bash
# Builds the Envoy filter and leaves it at target/wasm/caracal-filter.wasm, and beside it the one that
# the fault tests can make trap, and the one that the benchmark holds it against.
. "$(dirname "$0")/lib.sh"
use_env

MAX_BYTES=1048576       # Envoy compiles the module on every worker; keep it small
# Another folder than the native build's, so that neither waits for the other's lock.
dir=$CARGO_TARGET_DIR/wasm-build

# No folder of the building machine in the module's panic messages. The encoded form also holds
# paths with blanks, and sets aside RUSTFLAGS somebody meant for native code.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
flags=("--remap-path-prefix=$cargo_home=/cargo" "--remap-path-prefix=$ROOT=/src")

args=(--profile wasm --target "$WASM_TARGET" --target-dir "$dir")
if ! wasm_std_from_toolchain; then
  [ -e "$WASM_STD/ready" ] || die "no $WASM_TARGET standard library" "run: make setup"
  args+=("-Zbuild-std=std,panic_abort")
  flags+=("--remap-path-prefix=$WASM_STD=/std")
  # -Zbuild-std is a nightly flag; this is how distributions use it with a stable compiler.
  export RUSTC_BOOTSTRAP=1 RUSTC=$WASM_STD/rustc
  unset RUSTC_WRAPPER
  if [ -e "$WASM_STD/rust-lld" ]; then
    export CARGO_TARGET_WASM32_WASIP1_LINKER=$WASM_STD/rust-lld
  else
    export CARGO_TARGET_WASM32_WASIP1_LINKER=$WASM_STD/wasm-ld
  fi
fi
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\037' "${flags[@]}")
export CARGO_ENCODED_RUSTFLAGS=${CARGO_ENCODED_RUSTFLAGS%$'\037'}

# As a cdylib alone: together with an rlib cargo leaves link-time optimization out.
build() { cargo_locked rustc "${args[@]}" --lib --crate-type cdylib "$@"; }
# take NAME TO: what was built by this name goes where it belongs, if it is another one.
take() { cmp -s "$dir/$WASM_TARGET/wasm/$1.wasm" "$2" || install -m 644 "$dir/$WASM_TARGET/wasm/$1.wasm" "$2"; }

# Both filters have the same name there, so each is taken away at once, and the one that ships comes last.
step "building the least that a Wasm filter does" build --package caracal-floor
take caracal_floor "$WASM_FLOOR_OUT"
step "building the filter that can be made to trap" build --package caracal-filter --features trap
take caracal_filter "$WASM_TRAP_OUT"
step "building the filter for $WASM_TARGET" build --package caracal-filter
take caracal_filter "$WASM_OUT"
# What a trap says stands in a module that can be made to; in the other one is nothing of it.
can_trap() { grep -aq 'trapped on demand' "$1"; }
can_trap "$WASM_TRAP_OUT" || die "the filter for the fault tests cannot be made to trap" "See filter/src/shell/trap.rs."
if can_trap "$WASM_OUT"; then
  die "the filter that ships can be made to trap" "See the feature trap in filter/Cargo.toml."
fi
size=$(stat -c %s "$WASM_OUT")
say "  target/wasm/caracal-filter.wasm: $size bytes"
[ "$size" -le "$MAX_BYTES" ] || die "the filter is larger than $MAX_BYTES bytes" \
  "Look for a dependency that pulled in too much: cargo tree -p caracal-filter --target $WASM_TARGET"
