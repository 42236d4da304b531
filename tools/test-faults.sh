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
run ./test/app 'TestKilledUnderLoad|TestDiskFull' -kills 20
# What needs real servers: an engine after the other taken away, nodes killed.
exec tools/servers/servers.sh with kafka kubo cassandra etcd -- bash -euc '
    tools/test-integration.sh ./chain/node -timeout 1h -run TestCrashOnCassandra -stops 20
    tools/test-integration.sh ./test/integration -timeout 2h -run "TestEnginesFail|TestNodesKilled" -every-fault -node-kills 20'
