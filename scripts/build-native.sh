#!/usr/bin/env bash
# The native programs: caracal, and the story and bench programs of the tests package.
. "$(dirname "$0")/lib.sh"
use_env
# The whole workspace, as in the test run: selecting packages changes which features of shared
# dependencies are on, and with them everything would be compiled a second time.
step "building the native programs" cargo_locked build --release --workspace --bins
