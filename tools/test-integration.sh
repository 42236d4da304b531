#!/usr/bin/env bash
# test-integration.sh [PACKAGE…] [ARGS…] : the tests that need real servers, of all packages if none is named as ./…;
# ARGS go to go test (-run Kafka, for instance).
# It uses the servers of LIBRUM_SERVERS_DIR (./servers-data) if they run, else it starts its own and stops them, once for all.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${LIBRUM_TEST_KAFKA:-}" ] || ! tools/servers/servers.sh status >/dev/null; then
    exec tools/servers/servers.sh with kafka kubo cassandra etcd elasticsearch -- tools/test-integration.sh "$@"
fi
packages=(./chain/order/kafka ./chain/blob/ipfs ./chain/store/cassandra ./chain/registry/etcd ./search/elastic ./test/integration)
# Packages come before ARGS: behind a flag of the tests go test takes none any more.
# One package after the other: two cores have enough to do with the servers.
run=(go test -count=1 -buildvcs=false -p 1 -timeout 30m)
named=()
while [[ "${1:-}" == ./* ]]; do
    named+=("$1")
    shift
done
if [ ${#named[@]} -gt 0 ]; then
    "${run[@]}" "${named[@]}" "$@"
else
    "${run[@]}" "${packages[@]}" "$@"
    "${run[@]}" ./chain/node -run 'OnCassandra$' "$@" # the others of that package need no server
    if chromium=$(command -v chromium) && command -v node >/dev/null; then
        tools/node-modules.sh
        LIBRUM_TEST_CHROMIUM=$chromium "${run[@]}" ./grafana-plugin/pkg -run 'InABrowser$' "$@"
    else
        echo "Chromium or Node is missing: the editors of the Grafana data source are not used in a browser (sudo apt-get install -y chromium nodejs npm)" >&2
    fi
fi
