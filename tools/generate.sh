#!/usr/bin/env bash
# generate.sh [check] : writes the vector code of aggregator/kernel, or looks whether what is there is what would be written.
set -euo pipefail
cd "$(dirname "$0")/kernels"
kernel=../../aggregator/kernel

make_it() { GOFLAGS=-mod=mod GOWORK=off go run . -pkg kernel -out "$1/avx_amd64.s" -stubs "$1/avx_amd64.go"; }

if [ "${1:-}" != check ]; then
    make_it "$kernel"
    exit
fi
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
make_it "$made"
for file in avx_amd64.s avx_amd64.go; do
    # The first line names the command with its paths.
    if ! diff <(tail -n +2 "$kernel/$file") <(tail -n +2 "$made/$file"); then
        echo "aggregator/kernel/$file is not what tools/kernels makes: run make generate" >&2
        exit 1
    fi
done
