#!/usr/bin/env bash
# A Go toolchain new enough for the Go programs that we test against. Debian's own may be older; it
# can still fetch a newer one as a module, whose content Go's checksum database vouches for.
. "$(dirname "$0")/lib.sh"

if go_ready; then exit 0; fi

install_go() {
  have go || apt_install golang-go
  local arch dir part=$GO_DIR.part modules=$CACHE/go-modules.part
  arch=$(go env GOARCH)
  mkdir -p "$modules"
  cd /     # a go.mod of some folder above must not have a say
  dir=$(GOFLAGS=-modcacherw GOPATH=$modules \
    go mod download -json "golang.org/toolchain@v0.0.1-go$GO_VERSION.linux-$arch" |
    sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  rm -rf "$part" "$GO_DIR"
  mv "$dir" "$part"
  # A module holds no modes.
  chmod +x "$part"/bin/* "$part"/pkg/tool/*/*
  mv "$part" "$GO_DIR"
  rm -rf "$modules"
  go_ready
}

HELP=("It comes from apt and the Go module proxy that 'go env GOPROXY' names. Or put Go >= $GO_MIN on the"
  "PATH yourself (https://go.dev/dl).")
step "installing Go $GO_VERSION" install_go
