#!/usr/bin/env bash
# golangci-lint.sh ARGS… : runs the golangci-lint that tools/go.mod pins.
# It is built from source once per pin and Go version into the user's cache, under a temporary name that is
# renamed when whole.
set -euo pipefail
cd "$(dirname "$0")/.."

key=$({ go env GOVERSION; cat tools/go.mod tools/go.sum; } | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/librum
binary=$cache/golangci-lint-$key
if [ ! -x "$binary" ]; then
    mkdir -p "$cache"
    fresh=$(mktemp "$binary.XXXXXX")
    trap 'rm -f "$fresh"' EXIT
    echo "building golangci-lint (once; a few minutes on two cores)" >&2
    # GOFLAGS of the caller are for the main module; a go.work must not pull the tools into it.
    (cd tools && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly \
        go build -trimpath -buildvcs=false -o "$fresh" github.com/golangci/golangci-lint/v2/cmd/golangci-lint)
    chmod 755 "$fresh"
    mv "$fresh" "$binary"
    trap - EXIT
fi
exec "$binary" "$@"
