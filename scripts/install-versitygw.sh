#!/usr/bin/env bash
# An S3 server that others wrote, the Versity gateway, into our cache: the ledger is published to it in
# tests. Built by the Go toolchain from the pinned module, whose content Go's checksum database vouches
# for.
. "$(dirname "$0")/lib.sh"

# The file is named for the version: the program built so does not know its own.
PINNED=$CACHE/tools/bin/versitygw-$VERSITYGW_VERSION

versitygw_ready() { "$VERSITYGW" --version >/dev/null 2>&1; }

if [ -n "${CARACAL_VERSITYGW:-}" ]; then
  versitygw_ready || die "$CARACAL_VERSITYGW is no program" "Correct CARACAL_VERSITYGW, or unset it."
  exit 0
fi
if [ "$(readlink "$VERSITYGW")" = "$PINNED" ] && versitygw_ready; then exit 0; fi

"$ROOT/scripts/install-go.sh"
go_ready

build_versitygw() {
  local part=$PINNED.part
  mkdir -p "$part"
  # Its own version only: a go.mod of some folder above must not choose another one.
  cd /
  CGO_ENABLED=0 GOFLAGS=-mod=mod GOBIN=$part go install -trimpath -ldflags='-s -w' \
    "github.com/versity/versitygw/cmd/versitygw@v$VERSITYGW_VERSION"
  mv "$part/versitygw" "$PINNED"
  rmdir "$part"
  ln -sfn "$PINNED" "$VERSITYGW"
  versitygw_ready
}

HELP=("It comes from the Go module proxy that 'go env GOPROXY' names: go must reach it.")
step "building the S3 server $VERSITYGW_VERSION (once, a few minutes)" build_versitygw
