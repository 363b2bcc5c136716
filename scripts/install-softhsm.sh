#!/usr/bin/env bash
# SoftHSM, a PKCS#11 token in software: tests keep keys in it as they would in an HSM.
. "$(dirname "$0")/lib.sh"

ready() {
  have softhsm2-util && [ -e "${CARACAL_SOFTHSM:-/usr/lib/softhsm/libsofthsm2.so}" ]
}

if ! ready; then
  [ -z "${CARACAL_SOFTHSM:-}" ] ||
    die "there is no softhsm2-util on the PATH, or no $CARACAL_SOFTHSM" \
      "Correct CARACAL_SOFTHSM, or unset it."
  HELP=("It comes from apt: apt-get install softhsm2. Or put softhsm2-util on the PATH and set"
    "CARACAL_SOFTHSM to libsofthsm2.so.")
  step "installing SoftHSM" apt_install softhsm2
fi
