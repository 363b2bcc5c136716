#!/usr/bin/env bash
# Checks the scripts themselves.
. "$(dirname "$0")/lib.sh"

if ! have shellcheck; then
  HELP=("shellcheck comes from apt.")
  step "installing shellcheck" apt_install shellcheck
fi
cd "$ROOT"
step "shell lint" shellcheck -x -P SCRIPTDIR scripts/*.sh .ci/run tests/clients/*/run
