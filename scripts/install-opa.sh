#!/usr/bin/env bash
# The real OPA and its own conformance cases, into our cache: what our evaluation of Rego is held
# against. Built by the Go toolchain from the pinned module, whose content Go's checksum database
# vouches for.
. "$(dirname "$0")/lib.sh"

opa_ready() {
  [ -d "$OPA_CASES/elsekeyword" ] &&
    [[ $("$OPA" version 2>/dev/null) == "Version: $OPA_VERSION"$'\n'* ]]
}
if opa_ready; then exit 0; fi

"$ROOT/scripts/install-go.sh"
go_ready

build_opa() {
  local module=github.com/open-policy-agent/opa@v$OPA_VERSION dir
  mkdir -p "$(dirname "$OPA")"
  # Its own version only: a go.mod of some folder above must not choose another one.
  cd /
  GOFLAGS=-mod=mod GOBIN=$(dirname "$OPA") go install -trimpath -ldflags='-s -w' "$module"
  dir=$(GOFLAGS=-mod=mod go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  rm -rf "$OPA_CASES" "$OPA_CASES.part"
  mkdir -p "$OPA_CASES.part"
  cp -r "$dir"/v1/test/cases/testdata/v1/. "$OPA_CASES.part"
  # Files of the module cache are read-only; ours must be removable.
  chmod -R u+w "$OPA_CASES.part"
  mv "$OPA_CASES.part" "$OPA_CASES"
  opa_ready
}

HELP=("It comes from the Go module proxy that 'go env GOPROXY' names: go must reach it.")
step "building OPA $OPA_VERSION (once, a few minutes)" build_opa
