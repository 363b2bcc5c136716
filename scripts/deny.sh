#!/usr/bin/env bash
# Licences, sources and bans of every dependency; known vulnerabilities when their list can be had.
. "$(dirname "$0")/lib.sh"
"$ROOT/scripts/install-cargo-deny.sh"
use_env

step "cargo deny: bans, licences, sources" "$DENY" --workspace check --hide-inclusion-graph bans licenses sources

step "cargo deny: the fuzz targets" "$DENY" --manifest-path tests/fuzz/Cargo.toml --config deny.toml \
  check --hide-inclusion-graph bans licenses sources

# The list of advisories is a git repository of its own. Not reaching it is no fault of this
# project, so it does not fail the check, but it is never passed over in silence either.
if ! advisories=$(timeout 120 "$DENY" --workspace fetch db 2>&1 </dev/null); then
  warn "known vulnerabilities were NOT checked: the advisory database cannot be fetched here"
  printf '%s\n' "$advisories" | tail -n 3 | cut -c1-200 | sed 's/^/  | /' >&2
  warn "check them where its git host can be reached: make deny"
else
  step "cargo deny: advisories" "$DENY" --workspace check --disable-fetch --hide-inclusion-graph advisories
fi
