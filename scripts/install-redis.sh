#!/usr/bin/env bash
# Redis's own server: tests start throw-away servers with it.
. "$(dirname "$0")/lib.sh"

UNIT=/etc/systemd/system/redis-server.service
POLICY=/usr/sbin/policy-rc.d

ready() { have "${CARACAL_REDIS_SERVER:-redis-server}"; }

# Debian would start a server on the standard port, now and at each boot: by systemd, unless the unit
# is masked, or else by its init script, unless the policy forbids it. What somebody has set already
# stays as it is.
install_redis() {
  local masked='' forbidden='' rc=0
  if [ ! -e "$UNIT" ] && [ ! -L "$UNIT" ]; then
    as_root mkdir -p "$(dirname "$UNIT")"
    as_root ln -s /dev/null "$UNIT"
    masked=1
  fi
  if [ ! -e "$POLICY" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
    forbidden=1
  fi
  apt_install redis-server || rc=$?
  [ -z "$forbidden" ] || as_root rm -f "$POLICY"
  if [ "$rc" -ne 0 ]; then
    [ -z "$masked" ] || as_root rm -f "$UNIT"
    return "$rc"
  fi
  # For the next boot: the mask stays, and without systemd the init script is switched off.
  if [ -n "$masked" ] && have update-rc.d; then
    as_root update-rc.d redis-server disable
  fi
}

if ! ready; then
  [ -z "${CARACAL_REDIS_SERVER:-}" ] ||
    die "$CARACAL_REDIS_SERVER is no program" "Correct CARACAL_REDIS_SERVER, or unset it."
  HELP=("It comes from apt: apt-get install redis-server. Or set CARACAL_REDIS_SERVER to the program.")
  step "installing Redis" install_redis
fi
