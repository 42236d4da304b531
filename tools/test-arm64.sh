#!/usr/bin/env bash
# test-arm64.sh : the tests of the averages, those of golden bits among them, built for arm64 and run under emulation
# by qemu-user. Without it they are left out, unless LIBRUM_TEST_ARM64=required.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/require.sh go

qemu=
for name in qemu-aarch64-static qemu-aarch64; do
    if [ -z "$qemu" ]; then qemu=$(command -v "$name") || true; fi
done
if [ -z "$qemu" ]; then
    printf 'qemu is missing: the bits of averages are not compared on arm64; install it with:  sudo apt-get install -y qemu-user-static\n' >&2
    [ "${LIBRUM_TEST_ARM64:-}" != required ]
    exit
fi
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
for package in aggregator aggregator/kernel aggregator/strategy aggregator/tensor; do
    GOARCH=arm64 CGO_ENABLED=0 go test -c -o "$made/test" "./$package"
    # The emulator takes twenty times as long: fewer checks of properties, and none of what looks at compiled code, for
    # which the test asks the Go tool.
    (cd "$package" && "$qemu" "$made/test" -test.short -test.skip 'Fused' -rapid.checks=10 -test.timeout 10m)
done
