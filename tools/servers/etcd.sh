# shellcheck shell=bash disable=SC2154 # sourced by servers.sh
# etcd: three members.

install_etcd() {
    install etcd "$here/etcd/go.mod" "$here/etcd/go.sum" -- build_go "$here/etcd" go.etcd.io/etcd/server/v3 etcd
    etcd_program=$installed/etcd
}

start_etcd() {
    local i client=() peer=() cluster="" addresses=""
    mapfile -t client < <(ports 3)
    mapfile -t peer < <(ports 3)
    for i in 0 1 2; do
        cluster+=",etcd-$((i + 1))=http://127.0.0.1:${peer[i]}"
        addresses+=",http://127.0.0.1:${client[i]}"
    done
    for i in 0 1 2; do
        # --unsafe-no-fsync: a killed process loses nothing, only a killed machine does; steadier elections on a busy disk.
        define "etcd-$((i + 1))" <<END
exec $etcd_program --name etcd-$((i + 1)) --data-dir data --unsafe-no-fsync --logger zap --log-level warn \\
    --listen-client-urls http://127.0.0.1:${client[i]} --advertise-client-urls http://127.0.0.1:${client[i]} \\
    --listen-peer-urls http://127.0.0.1:${peer[i]} --initial-advertise-peer-urls http://127.0.0.1:${peer[i]} \\
    --initial-cluster ${cluster#,} --initial-cluster-state new
END
        run "etcd-$((i + 1))"
    done
    etcd_addresses=${addresses#,}
    export_as LIBRUM_TEST_ETCD "$etcd_addresses"
}

await_etcd() {
    local i address=()
    IFS=, read -ra address <<<"$etcd_addresses"
    for i in 0 1 2; do await "etcd-$((i + 1))" answers "${address[i]}/health"; done
}
