#!/usr/bin/env bash
# Random histories of delegation against a model, at length: GRAPH_OPERATIONS (100000) on each database,
# GRAPH_SEED (1) for other ones.
. "$(dirname "$0")/lib.sh"
use_env
export CARACAL_GRAPH_OPERATIONS=${GRAPH_OPERATIONS:-100000} CARACAL_GRAPH_SEED=${GRAPH_SEED:-1}
step "building the model of delegation" cargo_locked test --release -p caracal-sts --test conformance --no-run
say "$CARACAL_GRAPH_OPERATIONS operations on SQLite, and as many on PostgreSQL (some minutes)"
cargo_locked test --release -p caracal-sts --test conformance -- graph:: --nocapture --test-threads 1
