#!/usr/bin/env bash
# The OAuth clients and verifiers of logs that others wrote, and the agents, with what they need, into our
# cache: tests run them against the running service, and on what it published. Versions are pinned in tests/clients. No environment of this machine is touched:
# packages are put beside each client.
. "$(dirname "$0")/lib.sh"

ready() {
  local client
  for client in authlib openid-client zitadel agent-python agent-node tlog fsck export; do
    [ -x "$1/$client/run" ] || return 1
  done
  [ -f "$1/fsck/log/checkpoint.15" ]
}

if [ -n "${CARACAL_CLIENTS:-}" ]; then
  ready "$CARACAL_CLIENTS" || die "there are no clients in $CARACAL_CLIENTS" \
    "Correct CARACAL_CLIENTS, or unset it."
  exit 0
fi
CLIENTS=$(clients_dir)
PART=$CLIENTS.part
if ready "$CLIENTS"; then
  exit 0
fi

NODE_MIN=18
node_ready() { have npm && at_least "$NODE_MIN" "$(node --version 2>/dev/null | tr -d v)"; }

install_node() {
  apt_install nodejs npm
  node_ready
}

# The pinned packages of a client, put beside it; then whether these can be imported.
python_packages() {
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
  cd "$PART/$1"
  # --target: nothing is installed for anybody else, so PEP 668 does not apply.
  python3 -m pip install --disable-pip-version-check --no-input --no-deps --only-binary :all: \
    --target packages --requirement requirements.txt
  PYTHONPATH=packages python3 -s -c "import $2"
}

node_packages() {
  cd "$PART/$1"
  npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier
}

# go_client FOLDER [PACKAGE]: with the modules that its go.mod pins.
go_client() {
  cd "$PART/$1"
  GOWORK=off GOFLAGS='-mod=readonly -buildvcs=false' go build -trimpath -ldflags='-s -w' -o run "${2:-.}"
}

# The log that Tessera's own tests read, out of the pinned module.
golden_log() {
  cd "$PART/fsck"
  cp -r "$(GOWORK=off go list -m -f '{{.Dir}}' github.com/transparency-dev/tessera)/testdata/log" log
  # Files of the module cache are read-only; ours must be removable.
  chmod -R u+w log
}

mkdir -p "$CACHE/tools"
rm -rf "$PART"
cp -r "$ROOT/tests/clients" "$PART"
HELP=("The packages come from the index that pip is set up for; Python >= 3.10 is needed.")
step "client: Authlib" python_packages authlib 'authlib, joserfc, requests'
HELP=("The packages come from the index that pip is set up for; Python >= 3.10 is needed.")
step "reader of exports: DuckDB" python_packages export duckdb
step "agent in Python" python_packages agent-python \
  'requests, opentelemetry.sdk.trace, opentelemetry.instrumentation.requests'
if ! node_ready; then
  HELP=("Put Node.js >= $NODE_MIN with npm on the PATH (apt: nodejs npm).")
  step "installing Node.js" install_node
fi
HELP=("The packages come from the registry that npm is set up for.")
step "client: openid-client" node_packages openid-client
step "agent in JavaScript" node_packages agent-node
"$ROOT/scripts/install-go.sh"
go_ready
HELP=("The modules come from the proxy that 'go env GOPROXY' names.")
step "client: zitadel/oidc" go_client zitadel
HELP=("The modules come from the proxy that 'go env GOPROXY' names.")
step "verifier of logs: sumdb/tlog" go_client tlog
HELP=("The modules come from the proxy that 'go env GOPROXY' names.")
step "verifier of logs: Tessera's fsck" go_client fsck github.com/transparency-dev/tessera/cmd/fsck
step "a log that others wrote: Tessera's" golden_log
# Renamed only when whole.
rm -rf "$CLIENTS"
mv "$PART" "$CLIENTS"
# Where tests look that were not told by CARACAL_CLIENTS.
ln -sfn "$CLIENTS" "$CACHE/tools/clients"
find "$CACHE/tools" -mindepth 1 -maxdepth 1 -name 'clients-*' ! -path "$CLIENTS" -mtime +7 -exec rm -rf {} +
