# shellcheck shell=bash disable=SC2154 # sourced by servers.sh
# Elasticsearch: one node of the server that its project publishes for integration tests.

install_elasticsearch() {
    install elasticsearch "$here/elasticsearch.xml" -- unpack_zip "$here/elasticsearch.xml"
    elasticsearch_home=$(find "$installed" -mindepth 1 -maxdepth 1 -name 'elasticsearch-*')
}

start_elasticsearch() {
    local port=() home=$dir/elasticsearch as=""
    mapfile -t port < <(ports 2)
    # It refuses root; another user id inside a user namespace will do, and the files stay the caller's.
    if [ "$(id -u)" = 0 ]; then as="unshare --user --map-user=1000 --map-group=1000"; fi
    define elasticsearch <<END
export ES_JAVA_HOME=$(java17) ES_PATH_CONF=$home/config ES_TMPDIR=$home/tmp
exec $as bash $elasticsearch_home/bin/elasticsearch
END
    mkdir -p "$home/config" "$home/tmp"
    cp "$elasticsearch_home/config/log4j2.properties" "$home/config/"
    # It may write to its temporary folder and must not to its settings: neither is to lie in the other.
    printf '%s\n' -Xms512m -Xmx512m -XX:+UseSerialGC "-Djava.io.tmpdir=$home/tmp" >"$home/config/jvm.options"
    cat >"$home/config/elasticsearch.yml" <<END
discovery.type: single-node
network.host: 127.0.0.1
http.port: ${port[0]}
transport.port: ${port[1]}
path.data: $home/data
path.logs: $home/logs
xpack.security.enabled: false
# A disk over 85 % full would get no new shards.
cluster.routing.allocation.disk.threshold_enabled: false
END
    run elasticsearch
    elasticsearch_address=http://127.0.0.1:${port[0]}
    export_as LIBRUM_TEST_ELASTICSEARCH "$elasticsearch_address"
}

await_elasticsearch() { await elasticsearch answers "$elasticsearch_address/_cluster/health"; }
