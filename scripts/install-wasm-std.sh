#!/usr/bin/env bash
# The standard library for wasm32-wasip1. rustup has it ready made. Where rustup is missing or
# cannot fetch it, we build it from source (cargo's build-std), with Debian's current compiler and
# its matching library source. Those packages are unpacked into our cache and never installed: they
# conflict with rustup and would replace the machine's own compiler.
. "$(dirname "$0")/lib.sh"
rust_ready || die "no Rust >= $RUST_MIN" "run: make setup"

if wasm_std_from_toolchain; then exit 0; fi
if [ -e "$WASM_STD/ready" ] && "$WASM_STD/rustc" --version >/dev/null 2>&1; then exit 0; fi

if [ "${CARACAL_WASM_STD:-}" != debian ] && have rustup; then
  try "adding the $WASM_TARGET std with rustup" timeout 180 rustup target add "$WASM_TARGET"
  if wasm_std_from_toolchain; then exit 0; fi
  say "rustup could not add it; building it with Debian's packages instead"
fi

# What the Debian compiler is made of: its own libraries always, and of the rest of what they
# depend on the packages this machine lacks. Names and versions come from the apt index, because
# both move with every security update.
packages() {
  printf '%s\n' rustc-web rust-web-src wasi-libc
  apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
    --no-replaces --no-enhances libstd-rust-web-dev | grep -E '^[a-z0-9]' | sort -u |
    while read -r p; do
      case $p in
        libstd-rust-web-*|libllvm*) say "$p" ;;
        *:*) ;;                                  # another architecture
        *) have_pkg "$p" || [ -z "$(candidate "$p")" ] || say "$p" ;;
      esac
    done
}

# A linker of the compiler's own LLVM generation: rustup's, else Debian's lld of that number.
linker() {
  local lld
  lld=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld
  if [ -x "$lld" ]; then say "$lld"; fi
}

download() {
  apt_update
  local tmp=$WASM_STD.part pkgs llvm lld root usr libdirs self
  rm -rf "$tmp"
  mkdir -p "$tmp/debs" "$tmp/root"
  # apt reads and writes as its own user; a folder it cannot enter only costs a warning.
  mapfile -t pkgs < <(packages)
  llvm=$(printf '%s\n' "${pkgs[@]}" | sed -n 's/^libllvm\([0-9][0-9]*\)$/\1/p' | sort -n | tail -n 1)
  lld=$(linker)
  if [ -z "$lld" ]; then
    if [ -n "$(candidate "lld-$llvm")" ]; then pkgs+=("lld-$llvm"); else pkgs+=(lld); fi
  fi
  say "packages: ${pkgs[*]}"
  (cd "$tmp/debs" && apt-get download "${pkgs[@]}")
  for deb in "$tmp"/debs/*.deb; do dpkg -x "$deb" "$tmp/root"; done
  rm -rf "$tmp/debs"

  rm -rf "$WASM_STD"
  mv "$tmp" "$WASM_STD"
  root=$WASM_STD/root
  usr=$root/usr
  libdirs=$usr/lib/$(gcc -dumpmachine 2>/dev/null || cc -dumpmachine):$usr/lib:$root/lib/$(cc -dumpmachine)
  [ -z "$llvm" ] || libdirs=$libdirs:$usr/lib/llvm-$llvm/lib

  # Wrappers, so that only these two programs see the unpacked libraries: cargo and the build
  # scripts keep the machine's own.
  wrapper "$WASM_STD/rustc" "$libdirs" "$usr/bin/rustc"
  if [ -z "$lld" ]; then
    lld=$(find "$usr/bin" "$usr/lib" -name "wasm-ld*" ! -type d | sort | head -n 1)
    # The name tells rustc which kind of linker it is.
    wrapper "$WASM_STD/wasm-ld" "$libdirs" "$lld"
  else
    ln -sfn "$lld" "$WASM_STD/rust-lld"
  fi

  # rustc looks for the C library of this target inside its own sysroot.
  self=$usr/lib/rustlib/$WASM_TARGET/lib/self-contained
  mkdir -p "$self"
  cp "$usr"/lib/wasm32-wasi/*.o "$usr/lib/wasm32-wasi/libc.a" "$self/"

  "$WASM_STD/rustc" -vV
  [ -e "$("$WASM_STD/rustc" --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ]
  touch "$WASM_STD/ready"
}

# wrapper FILE LIBRARY_PATH PROGRAM
wrapper() {
  [ -x "$3" ] || { say "not there: $3"; return 1; }
  printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$2" "$3" >"$1"
  chmod 755 "$1"
}

HELP=("There is no $WASM_TARGET standard library. With rustup: 'rustup target add $WASM_TARGET'."
  "Without: apt must offer rustc-web, rust-web-src, libstd-rust-web-dev and wasi-libc"
  "(Debian 12 or later, with its security updates on).")
step "fetching Debian's compiler for the $WASM_TARGET std" download
