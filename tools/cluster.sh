#!/usr/bin/env bash
# cluster.sh up        start, a job with peers, verification from outside; then stays until Ctrl-C, which ends all it started,
#                      and says when a process has ended
# cluster.sh start     four nodes of four organisations in processes of their own, over the servers that run
# cluster.sh job       starts the peers if they do not run, has them train, and verifies the job through another node
# cluster.sh stop      ends nodes and peers, and nothing else
# cluster.sh status    says of each process whether it runs; no where one does not, or there is none
# cluster.sh kill NAME ends one process as a crash would; run NAME starts it again
#
# Servers are those of make servers (LIBRUM_SERVERS_DIR, by default ./servers-data); up starts them where they do not run.
# DIR is LIBRUM_CLUSTER_DIR, by default ./cluster-data; LIBRUM_CLUSTER_STORE=pebble keeps each node's rows in a directory.
# What an organisation has, stands in DIR/org-N alone: only part.json, ca.pem and the list of revoked certificates go to
# the others.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/.." && pwd)
dir=$(realpath -m -- "${LIBRUM_CLUSTER_DIR:-$root/cluster-data}")
patience=${LIBRUM_CLUSTER_PATIENCE:-300} # seconds for a node to answer
librum=${LIBRUM_BIN:-$root/bin/librum}
engine=${LIBRUM_CLUSTER_STORE:-cassandra} # or pebble
organisations="1 2 3 4"

# shellcheck source=tools/servers/process.sh
source "$here/servers/process.sh"

# field NAME : the first value of that name in the JSON object on standard input.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }

# found : every organisation makes its keys and its part, all parts make the genesis, and each authority certifies its node.
found() {
    local i org parts=() part organisation node holder
    for i in $organisations; do
        org=$dir/org-$i
        part=$("$librum" genesis part --dir "$org/node" --organisation "organisation-$i" --json \
            --member officer=officer --member operator=auditor,member,operator --member peer=peer 2>>"$dir/found.log")
        parts+=("$org/node/part.json")
        field organisation <<<"$part" >"$org/id"
        sed -n 's/.*"node":{"id":"\([^"]*\)".*/\1/p' <<<"$part" >"$org/node-id"
    done
    # The operator of organisation 1 gets what circulates of the token.
    holder=$(sed -n '/"name": "operator"/{n;s/.*"id": "\([^"]*\)".*/\1/p}' "$dir/org-1/node/part.json")
    # Each could do this by itself and would get the same digest.
    "$librum" genesis create --name librum-cluster --holder "circulating=$holder" --output "$dir/genesis.cbor" --json "${parts[@]}" | field digest >"$dir/digest"
    for i in $organisations; do
        org=$dir/org-$i
        organisation=$(cat "$org/id")
        node=$(cat "$org/node-id")
        # shellcheck disable=SC2129 # three steps of one organisation
        "$librum" genesis show "$dir/genesis.cbor" --digest "$(cat "$dir/digest")" --part "$org/node/part.json" >>"$dir/found.log"
        "$librum" ca init --dir "$org/ca" --genesis "$dir/genesis.cbor" --organisation "$organisation" >>"$dir/found.log" 2>&1 </dev/null
        "$librum" identity request --kind node --identity "$org/node/key" --id "$node" --organisation "$organisation" \
            --genesis "$(cat "$dir/digest")" --dns localhost --ip 127.0.0.1 -o "$org/node.csr" >>"$dir/found.log"
        "$librum" ca certify "$org/node.csr" --dir "$org/ca" --genesis "$dir/genesis.cbor" --output "$org/node.pem" >>"$dir/found.log"
    done
}

# configure : the configuration of each node. Addresses of the others stand in none.
configure() {
    local i org port digest authorities revoked kubo store
    digest=$(cat "$dir/digest")
    IFS=, read -ra kubo <<<"$LIBRUM_TEST_KUBO"
    for i in $organisations; do
        authorities+="${authorities:+, }$dir/org-$i/ca/ca.pem"
        revoked+="${revoked:+, }$dir/org-$i/ca/crl.pem"
    done
    for i in $organisations; do
        org=$dir/org-$i
        mapfile -t port < <(ports 2)
        store="{driver: pebble}"
        # There is one Cassandra, which syncs before it answers.
        [ "$engine" = pebble ] || store="
  driver: cassandra
  cassandra:
    hosts: [$(quoted "$LIBRUM_TEST_CASSANDRA")]
    keyspace: librum_${digest:0:16}_$i
    replication: \"{'class': 'SimpleStrategy', 'replication_factor': 1}\"
    buckets: 4"
        echo "https://127.0.0.1:${port[0]}" >"$org/url"
        cat >"$org/node.yaml" <<END
dir: node
genesis: ../genesis.cbor
chain: $digest
door: {listen: "127.0.0.1:${port[0]}", certificate: node.pem, key: node/key}
mesh:
  listen: 127.0.0.1:${port[1]}
  certificates: [node.pem]
  authorities: [$authorities]
  revoked: [$revoked]
registry: {driver: etcd, etcd: {endpoints: [$(quoted "$LIBRUM_TEST_ETCD")]}}
order: {driver: kafka, kafka: {brokers: [$(quoted "$LIBRUM_TEST_KAFKA")]}}
store: $store
blob: {driver: ipfs, ipfs: {api: "${kubo[$((i % ${#kubo[@]}))]}"}}
END
        define "node-$i" <<END
exec '$librum' node --config '$org/node.yaml'
END
        define "peer-$i" <<END
exec '$librum' peer run --server '$(cat "$org/url")' --ca '$org/ca/ca.pem' --genesis $digest --identity '$org/node/members/peer-key' \\
    --data 'digits:$i/4?seed=1' --policy '$dir/policy.yaml'
END
    done
    printf 'creators: [any]\nmodels: [logistic]\n' >"$dir/policy.yaml"
    cat >"$dir/job.yaml" <<'END'
num_rounds: 3
min_train_peers: 4
wait_after_min_s: 1
seed: 3
model: {name: logistic, layers: [64, 10]}
train: {local_epochs: 2, batch_size: 8, learning_rate: 0.05}
END
}

# quoted LIST : a list with commas as YAML has it.
quoted() { printf '"%s"' "${1//,/\",\"}"; }

# at N : sets server to the flags by which a command asks the node of an organisation.
at() { server=(--server "$(cat "$dir/org-$1/url")" --ca "$dir/org-$1/ca/ca.pem"); }

ready() { answers --cacert "$dir/org-$1/ca/ca.pem" "$(cat "$dir/org-$1/url")/readyz"; }

start() {
    local i
    "$root/tools/require.sh" curl
    [ -x "$librum" ] || die "$librum is not there; build it with: make build"
    # shellcheck source=/dev/null
    source "${LIBRUM_SERVERS_DIR:-$root/servers-data}/env" 2>/dev/null || die "no servers run; start them with: make servers"
    for i in KAFKA CASSANDRA ETCD KUBO; do
        [ "$i" != CASSANDRA ] || [ "$engine" != pebble ] || continue
        i=LIBRUM_TEST_$i
        [ -n "${!i:-}" ] || die "the servers that run lack one: $i is not set; end them with make servers-stop and start them with make servers"
    done
    for i in $(names); do
        if alive "$i"; then die "$i runs already from $dir; end it first with: make cluster-stop"; fi
    done
    if [ -f "$dir/begun" ] && [ "$(cat "$dir/begun")" != "$LIBRUM_TEST_KAFKA" ]; then
        say "$dir belongs to servers that are gone, with all that its nodes had executed: beginning anew"
        forget
    fi
    if [ ! -f "$dir/begun" ]; then
        forget
        mkdir -p "$dir"
        chmod 700 "$dir"
        found
        configure
        echo "$LIBRUM_TEST_KAFKA" >"$dir/begun" # last: half a cluster is none
    fi
    trap 'say "stopping what was started"; stop' EXIT
    for i in $organisations; do run "node-$i"; done
    for i in $organisations; do await "node-$i" ready "$i"; done
    trap - EXIT
    for i in $organisations; do
        say "organisation-$i: $(cat "$dir/org-$i/url"), certificates to trust in $dir/org-$i/ca/ca.pem"
    done
    say "genesis $(cat "$dir/digest")"
}

# forget : removes an earlier cluster, and nothing else.
forget() {
    [ -d "$dir" ] || return 0
    if [ -n "$(ls -A "$dir")" ] && [ ! -d "$dir/org-1" ]; then die "$dir is no folder of a cluster; give another in LIBRUM_CLUSTER_DIR"; fi
    rm -rf -- "$dir"
}

# job : the operator of organisation 1 creates it, peers of all take part, an auditor of organisation 3 verifies it.
# shellcheck disable=SC2120 # its arguments come from the command line
job() {
    local i digest ended id who sign server=()
    digest=$(cat "$dir/digest")
    for i in $organisations; do
        alive "peer-$i" || run "peer-$i"
    done
    for i in 1 3; do
        who=$dir/org-$i
        [ ! -f "$who/token" ] || continue
        sign=()
        [ "$i" != 1 ] || sign=(--sign "fl.CancelJob,fl.CreateJob") # it creates jobs, the other one reads
        at "$i"
        "$librum" identity token create "${server[@]}" --genesis "$digest" --identity "$who/node/members/operator-key" \
            --token-out "$who/token" "${sign[@]}" >&2
    done
    at 1
    ended=$("$librum" job run -f "$dir/job.yaml" "${server[@]}" --token-file "$dir/org-1/token" --json | tail -n 1)
    id=$(field job <<<"$ended")
    say "job $id is done; verifying it through organisation-3"
    at 3
    "$librum" verify job "$id" "${server[@]}" --token-file "$dir/org-3/token" --genesis "$digest" \
        --after "$(field position <<<"$ended")" "$@" # node 3 may be a block behind node 1
}

up() {
    local name some=yes away known=''
    servers='' # not local: it is read when all functions have ended
    if ! "$here/servers/servers.sh" status >/dev/null 2>&1; then
        "$here/servers/servers.sh" start kafka cassandra etcd kubo
        servers=ours
    fi
    trap 'say "stopping the nodes and peers${servers:+ and the servers}"; stop; [ -z "$servers" ] || "$here/servers/servers.sh" stop' EXIT
    trap 'exit 0' INT TERM
    (trap - EXIT && start)
    # shellcheck disable=SC2119
    job
    say "the nodes go on; Ctrl-C ends them. A token: $dir/org-1/token"
    while [ -n "$some" ]; do
        some='' away=''
        for name in $(names); do
            if alive "$name"; then
                some=yes
                continue
            fi
            away+=" $name "
            [[ "$known" == *" $name "* ]] || say "$name has ended, see $dir/$name/log; start it again with: tools/cluster.sh run $name"
        done
        known=$away
        sleep 1
    done
    exit 1 # nothing is left
}

command=${1:-help}
[ $# -eq 0 ] || shift
case "$command" in
    up | start | job | stop | status) "$command" "$@" ;;
    kill) crash "${1:?usage: cluster.sh kill NAME}" ;;
    run) run "${1:?usage: cluster.sh run NAME}" ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" ;;
esac
