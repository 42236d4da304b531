# shellcheck shell=bash disable=SC2154 # sourced by servers.sh
# kubo, the IPFS node: two of them in a private swarm, so that one can fetch what the other holds.

install_kubo() {
    install kubo "$here/kubo/go.mod" "$here/kubo/go.sum" -- build_go "$here/kubo" github.com/ipfs/kubo/cmd/ipfs ipfs
    kubo_program=$installed/ipfs
}

start_kubo() {
    local i api=() swarm=() key
    mapfile -t api < <(ports 2)
    mapfile -t swarm < <(ports 2)
    key=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
    for i in 0 1; do
        define "kubo-$((i + 1))" <<END
export IPFS_PATH=$dir/kubo-$((i + 1))/repo IPFS_TELEMETRY=off LIBP2P_FORCE_PNET=1
exec $kubo_program daemon --enable-gc
END
        (
            export IPFS_PATH=$dir/kubo-$((i + 1))/repo IPFS_TELEMETRY=off
            "$kubo_program" init --empty-repo --profile=test
            printf '/key/swarm/psk/1.0.0/\n/base16/\n%s\n' "$key" >"$IPFS_PATH/swarm.key"
            "$kubo_program" config Addresses.API "/ip4/127.0.0.1/tcp/${api[i]}"
            "$kubo_program" config Addresses.Gateway ""
            "$kubo_program" config --json Addresses.Swarm "[\"/ip4/127.0.0.1/tcp/${swarm[i]}\"]"
            "$kubo_program" config Routing.Type none # a private swarm has nobody to ask
        ) >"$dir/kubo-$((i + 1))/init.log" 2>&1 || die "make a repo for kubo-$((i + 1)): see $dir/kubo-$((i + 1))/init.log"
        run "kubo-$((i + 1))"
    done
    kubo_api=("${api[@]}")
    kubo_swarm=("${swarm[@]}")
    export_as LIBRUM_TEST_KUBO "http://127.0.0.1:${api[0]},http://127.0.0.1:${api[1]}"
}

await_kubo() {
    local i id
    for i in 0 1; do
        await "kubo-$((i + 1))" answers -X POST "http://127.0.0.1:${kubo_api[i]}/api/v0/id"
    done
    id=$(curl -fsS --max-time 5 -X POST "http://127.0.0.1:${kubo_api[0]}/api/v0/id?format=%3Cid%3E" | sed 's/.*"ID":"\([^"]*\)".*/\1/')
    await kubo-2 answers -X POST "http://127.0.0.1:${kubo_api[1]}/api/v0/swarm/connect?arg=/ip4/127.0.0.1/tcp/${kubo_swarm[0]}/p2p/$id"
}
