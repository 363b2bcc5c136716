#!/usr/bin/env bash
# PostgreSQL's own programs: tests start throw-away servers with them, as the user postgres when
# they run as root.
. "$(dirname "$0")/lib.sh"

ready() {
  if [ -n "${CARACAL_POSTGRES_BIN:-}" ]; then
    [ -x "$CARACAL_POSTGRES_BIN/initdb" ]
  else
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
  fi
}

install_postgres() {
  apt_install postgresql-common
  # Debian would make a server of its own and start it on the standard port.
  as_root sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' \
    /etc/postgresql-common/createcluster.conf
  apt_install postgresql
}

if ! ready; then
  [ -z "${CARACAL_POSTGRES_BIN:-}" ] ||
    die "there is no initdb in $CARACAL_POSTGRES_BIN" "Correct CARACAL_POSTGRES_BIN, or unset it."
  HELP=("It comes from apt: apt-get install postgresql. Or set CARACAL_POSTGRES_BIN to the directory"
    "of initdb and postgres.")
  step "installing PostgreSQL" install_postgres
fi
