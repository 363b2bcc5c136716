#!/usr/bin/env bash
# Explores the model of the feed and the lease: every size, then every rule taken away. Neither Envoy
# nor a database is needed, so only this one program is built.
. "$(dirname "$0")/lib.sh"
use_env
step "building the model" cargo_locked build --release -p caracal-model
exec "$CARGO_TARGET_DIR/release/caracal-model" "$@"
