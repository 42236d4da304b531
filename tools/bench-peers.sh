#!/usr/bin/env bash
# bench-peers.sh : Librum and CometBFT 0.38 in turn over the same signed transfers, one node and four, and a table of
# what each costs. Four nodes of Librum order over Kafka, whose processor time stands apart. docs/performance.md says
# what is compared. Kafka is that of make servers where it runs, or is started and stopped here.
#
# LIBRUM_PEERS_ROUNDS (2) is how often each has its turn, LIBRUM_PEERS_TRANSACTIONS (40000) how many transfers it gets.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${LIBRUM_PEERS_ROUNDS:-2}
transactions=${LIBRUM_PEERS_TRANSACTIONS:-40000}
work=$(mktemp -d)
started=
trap '[ -z "$started" ] || tools/servers/servers.sh stop; rm -rf "$work"' EXIT

tools/require.sh git go
librum=${LIBRUM_BIN:-bin/librum}
cometbft=$work/cometbft
(cd test/peers/cometbft && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly go build -trimpath -buildvcs=false -o "$cometbft" .)

if [ -z "${LIBRUM_TEST_KAFKA:-}" ]; then
    LIBRUM_SERVERS_DIR=${LIBRUM_SERVERS_DIR:-$PWD/servers-data}
    export LIBRUM_SERVERS_DIR
    if ! tools/servers/servers.sh status >/dev/null 2>&1; then
        started=yes
        tools/servers/servers.sh start kafka
    fi
    # shellcheck source=/dev/null
    source "$LIBRUM_SERVERS_DIR/env"
fi
brokers=$(for file in "$LIBRUM_SERVERS_DIR"/kafka-*/pid; do cut -d ' ' -f 1 "$file"; done | paste -sd ,)

# take NAME COMMAND… : runs it and keeps a line of its figures: what 1 of a case, as the JSON has them.
take() {
    local name=$1 out
    shift
    echo "$name" >&2
    out=$("$@" 2>"$work/log" | tail -n 1) || {
        tail -n 20 "$work/log" >&2
        exit 3
    }
    # The first result is that of the throughput, the second that of the latency.
    sed 's/},{/}\n{/' <<<"$out" | awk -v name="$name" '
        function field(f, at) { at = match($0, "\"" f "\":[0-9.e+-]+"); return at ? substr($0, at + length(f) + 3, RLENGTH - length(f) - 3) : 0 }
        { cpu[NR] = field("cpu_us_per_unit"); servers[NR] = field("servers_cpu_us_per_unit"); rate[NR] = field("rate_per_s")
          p50[NR] = field("p50_ms"); p99[NR] = field("p99_ms") }
        END { print name "\t" cpu[1] "\t" servers[1] "\t" rate[1] "\t" p50[2] "\t" p99[2] "\t" cpu[2] "\t" servers[2] }' >>"$work/figures"
}

chain=("$librum" bench chain --separate --rate 1000 --transactions "$transactions" --json)
# Each gets about 4,096 transfers ahead. usual: signatures are checked as transactions come, which come by JSON-RPC in
# batches. cheapest: both as it costs CometBFT least.
usual=("$cometbft" -rate 1000 -transactions "$transactions" -json -early -rpc -batch 100 -clients 40)
cheapest=("$cometbft" -rate 1000 -transactions "$transactions" -json)
for _ in $(seq "$rounds"); do
    take "1 Librum" "${chain[@]}"
    take "1 CometBFT, usual" "${usual[@]}"
    take "1 Librum" "${chain[@]}"
    take "1 CometBFT, cheapest" "${cheapest[@]}"
    take "4 Librum over Kafka" "${chain[@]}" --nodes 4 --kafka "$LIBRUM_TEST_KAFKA" --servers "$brokers"
    take "4 CometBFT, usual" "${usual[@]}" -validators 4
    take "4 Librum over Kafka" "${chain[@]}" --nodes 4 --kafka "$LIBRUM_TEST_KAFKA" --servers "$brokers"
    take "4 CometBFT, cheapest" "${cheapest[@]}" -validators 4
    take "1 Librum over Kafka" "${chain[@]}" --kafka "$LIBRUM_TEST_KAFKA" --servers "$brokers"
done

echo "load average $(cut -d ' ' -f 1-3 /proc/loadavg), $(nproc) cores; means of $rounds rounds of $transactions transfers"
awk -F '\t' '
    !($1 in n) { order[++names] = $1 }
    { n[$1]++; for (i = 2; i <= NF; i++) sum[$1, i] += $i }
    END {
        printf "%-22s %10s %10s %10s %10s %10s %12s %10s\n", "nodes, chain", "CPU µs/tx", "brokers", "tx/s", "p50 ms", "p99 ms", "CPU at 1000/s", "of Librum"
        for (k = 1; k <= names; k++) {
            name = order[k]; base = substr(name, 1, 1) == "1" ? "1 Librum" : "4 Librum over Kafka"
            printf "%-22s %10.1f %10.1f %10.0f %10.2f %10.2f %12.0f %10.2f\n", name, sum[name, 2] / n[name], sum[name, 3] / n[name],
                sum[name, 4] / n[name], sum[name, 5] / n[name], sum[name, 6] / n[name], sum[name, 7] / n[name],
                (sum[name, 2] / n[name]) / (sum[base, 2] / n[base])
        }
    }' "$work/figures"
