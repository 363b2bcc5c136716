#!/usr/bin/env bash
# Builds the Envoy filter and leaves it at target/wasm/caracal-filter.wasm.
. "$(dirname "$0")/lib.sh"
use_env

MAX_BYTES=1048576       # Envoy compiles the module on every worker; keep it small
# Another folder than the native build's, so that neither waits for the other's lock.
dir=$CARGO_TARGET_DIR/wasm-build

# No folder of the building machine in the module's panic messages. The encoded form also holds
# paths with blanks, and sets aside RUSTFLAGS somebody meant for native code.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
flags=("--remap-path-prefix=$cargo_home=/cargo" "--remap-path-prefix=$ROOT=/src")

args=(--package caracal-filter --profile wasm --target "$WASM_TARGET" --target-dir "$dir")
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
step "building the filter for $WASM_TARGET" cargo_locked rustc "${args[@]}" --lib --crate-type cdylib

built=$dir/$WASM_TARGET/wasm/caracal_filter.wasm
cmp -s "$built" "$WASM_OUT" || install -m 644 "$built" "$WASM_OUT"
size=$(stat -c %s "$WASM_OUT")
say "  target/wasm/caracal-filter.wasm: $size bytes"
[ "$size" -le "$MAX_BYTES" ] || die "the filter is larger than $MAX_BYTES bytes" \
  "Look for a dependency that pulled in too much: cargo tree -p caracal-filter --target $WASM_TARGET"
