#!/usr/bin/env bash
# A Rust compiler that is new enough, with rustfmt and clippy: the one that is there, else one from
# rustup, else Debian's.
. "$(dirname "$0")/lib.sh"

from_rustup() {
  RUSTUP_AUTO_INSTALL=0 timeout 600 rustup toolchain install "$RUST_PIN" \
    --profile minimal --component rustfmt,clippy --no-self-update
}

# Debian keeps a current compiler for its browsers as rustc-web, beside the release's older rustc.
from_debian() {
  apt_update
  local v
  v=$(candidate rustc-web)
  if [ -n "$v" ] && at_least "$RUST_MIN" "$v"; then
    apt_install rustc-web cargo-web rustfmt-web rust-web-clippy
  elif [ -n "$(candidate rustup)" ]; then
    apt_install rustup && from_rustup
  else
    say "apt has neither rustc-web >= $RUST_MIN nor rustup"
    return 1
  fi
}

if ! rust_ready; then
  if have rustup; then
    try "installing Rust $RUST_PIN with rustup" from_rustup
  else
    try "installing Rust from Debian" from_debian
  fi
  hash -r
  rust_ready || die "no Rust >= $RUST_MIN on this machine (found: $(rustc --version 2>/dev/null || echo none))" \
    "Neither rustup nor apt could give one; an installed older rustc package is left alone." \
    "Install rustup and 'rustup toolchain install $RUST_PIN', or Debian's rustc-web, then try again."
fi

# Only make test needs these two, so their absence is reported here and is an error there.
if ! lint_tools_ready; then
  if have rustup; then
    try "adding rustfmt and clippy" timeout 300 rustup component add rustfmt clippy
  else
    try "installing rustfmt and clippy from Debian" apt_install rustfmt-web rust-web-clippy
  fi
  lint_tools_ready || warn "no rustfmt or clippy for $(rustc --version): make run works, make test will not"
fi
