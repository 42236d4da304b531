#!/usr/bin/env bash
# test-faults.sh : the tests of faults that take too long for make test, at full length: docs/faults.md.
set -euo pipefail
cd "$(dirname "$0")/.."

# run PACKAGE TESTS FLAG… : go test, and what it takes at full length.
run() {
    local package=$1 tests=$2
    shift 2
    go test -count=1 -buildvcs=false -timeout 3h -run "^($tests)\$" "$package" "$@"
}

run ./chain/node 'TestCrash|TestCrashAtFailpoints|TestDiskFull|TestSameLogSameChain' -crashes 20
run ./chain/node TestDoubleSpends -pairs 10000
run ./chain/node TestLinearizable -operations 150
run ./localnet/fsck TestFlippedBytes -every-byte
run ./test/app TestKilledUnderLoad -kills 20
