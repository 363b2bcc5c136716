#!/usr/bin/env bash
# run.sh PROGRAM [ARGUMENT]...: builds what the demo needs and runs one of its programs on it.
. "$(dirname "$0")/lib.sh"
"$ROOT/scripts/build-wasm.sh"
"$ROOT/scripts/build-native.sh"
use_env
program=$1
shift
exec "$CARGO_TARGET_DIR/release/$program" "$@"
