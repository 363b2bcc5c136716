#!/usr/bin/env bash
# A wall clock that can be set for one process, for the fault tests (tests/clock/step.c).
. "$(dirname "$0")/lib.sh"

source=$ROOT/tests/clock/step.c

compile() {
  mkdir -p "$(dirname "$CLOCK")"
  # Moved into its place: somebody may be running on the old one.
  cc -O2 -Wall -Wextra -shared -fPIC -o "$CLOCK.new" "$source"
  mv "$CLOCK.new" "$CLOCK"
}

if [ -n "${CARACAL_CLOCK_LIBRARY:-}" ]; then
  [ -e "$CARACAL_CLOCK_LIBRARY" ] ||
    die "there is no $CARACAL_CLOCK_LIBRARY" "Correct CARACAL_CLOCK_LIBRARY, or unset it."
elif [ ! -e "$CLOCK" ] || [ "$source" -nt "$CLOCK" ]; then
  step "building a wall clock that can be set" compile
fi
