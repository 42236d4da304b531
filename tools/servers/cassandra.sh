# shellcheck shell=bash disable=SC2154 # sourced by servers.sh
# Cassandra: one node.

install_cassandra() {
    install cassandra "$here/cassandra.xml" -- copy_jars "$here/cassandra.xml"
    cassandra_jars=$installed
}

start_cassandra() {
    local port=() home=$dir/cassandra
    mapfile -t port < <(ports 2)
    # Of the long list of flags these three are needed: each alone stops the start. jamm measures memtables.
    define cassandra <<END
exec $(java17)/bin/java -Xms512m -Xmx512m -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError \\
    -Djava.io.tmpdir=$home -XX:-UsePerfData \\
    --add-exports=java.base/jdk.internal.ref=ALL-UNNAMED \\
    --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED \\
    $(find "$cassandra_jars" -name 'jamm-*.jar' -printf '-javaagent:%p') \\
    -Dcassandra.config=file://$home/cassandra.yaml -Dcassandra.storagedir=$home/data \\
    -Dlogback.configurationFile=$home/logback.xml -Dcassandra-foreground=yes \\
    -cp '$cassandra_jars/*' org.apache.cassandra.service.CassandraDaemon
END
    cat >"$home/logback.xml" <<'END'
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%date %level %logger{0} %msg%n</pattern></encoder></appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
END
    # One node alone must sync before it answers, or a crash takes seconds of acknowledged writes with it.
    # Limits such as batch_size_fail_threshold stay at their defaults: tests see what production sees.
    cat >"$home/cassandra.yaml" <<END
cluster_name: librum
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "127.0.0.1:${port[1]}"
listen_address: 127.0.0.1
storage_port: ${port[1]}
rpc_address: 127.0.0.1
native_transport_port: ${port[0]}
commitlog_sync: batch
data_file_directories: [$home/data/data]
commitlog_directory: $home/data/commitlog
hints_directory: $home/data/hints
saved_caches_directory: $home/data/saved_caches
cdc_raw_directory: $home/data/cdc_raw
auto_snapshot: false
END
    run cassandra
    export_as LIBRUM_TEST_CASSANDRA "127.0.0.1:${port[0]}"
}

await_cassandra() { await cassandra logged cassandra 'Startup complete'; }
