#!/usr/bin/env bash
# test-integration.sh [PACKAGE…] [ARGS…] : the tests that need real servers, of all packages if none is named as ./…;
# ARGS go to go test (-run Kafka, for instance).
# It uses the servers of LIBRUM_SERVERS_DIR (./servers-data) if they run, else it starts its own and stops them.
set -euo pipefail
cd "$(dirname "$0")/.."

kinds=(kafka kubo cassandra etcd)
packages=(./chain/order/kafka ./chain/blob/ipfs ./chain/store/cassandra ./chain/registry/etcd ./test/integration)

if ! tools/servers/servers.sh status >/dev/null 2>&1; then
    LIBRUM_SERVERS_DIR=$(mktemp -d "${TMPDIR:-/tmp}/librum-servers.XXXXXX")
    export LIBRUM_SERVERS_DIR
    trap 'tools/servers/servers.sh stop && rm -rf "$LIBRUM_SERVERS_DIR"' EXIT
    tools/servers/servers.sh start "${kinds[@]}"
fi
# shellcheck source=/dev/null
source "${LIBRUM_SERVERS_DIR:-servers-data}/env"
for kind in "${kinds[@]}"; do
    variable=LIBRUM_TEST_${kind^^}
    if [ -z "${!variable:-}" ]; then
        echo "the servers that run have no $kind; end them with make servers-stop, and this starts what it needs" >&2
        exit 1
    fi
done
# One package after the other: two cores have enough to do with the servers.
run=(go test -count=1 -buildvcs=false -p 1 -timeout 30m)
named=()
while [[ "${1:-}" == ./* ]]; do
    named+=("$1")
    shift
done
if [ ${#named[@]} -gt 0 ]; then
    "${run[@]}" "$@" "${named[@]}"
else
    "${run[@]}" "$@" "${packages[@]}"
    "${run[@]}" -run 'OnCassandra$' "$@" ./chain/node # the others of that package need no server
fi
