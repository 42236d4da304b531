# shellcheck shell=bash disable=SC2154 # sourced by servers.sh
# Kafka: three brokers that are controllers as well, with a plain listener and one with TLS and SCRAM.

kafka_user=librum
kafka_password=librum-test-only # for a throw-away cluster on loopback

install_kafka() {
    install kafka "$here/kafka.xml" -- copy_jars "$here/kafka.xml"
    kafka_jars=$installed
}

start_kafka() {
    local java i plain=() secure=() inner=() voters="" addresses="" secures="" id=LibrumTestClusterLocal
    java=$(java17)/bin/java
    mapfile -t plain < <(ports 3)
    mapfile -t secure < <(ports 3)
    mapfile -t inner < <(ports 3)
    for i in 0 1 2; do
        voters+=",$((i + 1))@127.0.0.1:${inner[i]}"
        addresses+=",127.0.0.1:${plain[i]}"
        secures+=",127.0.0.1:${secure[i]}"
    done
    kafka_certificate
    for i in 0 1 2; do
        kafka_broker $((i + 1)) "${plain[i]}" "${secure[i]}" "${inner[i]}" "${voters#,}"
        "$java" -cp "$kafka_jars/*" "-Dlog4j2.configurationFile=$dir/kafka-$((i + 1))/log4j2.properties" kafka.tools.StorageTool format \
            -t "$id" -c "$dir/kafka-$((i + 1))/server.properties" \
            --add-scram "SCRAM-SHA-512=[name=$kafka_user,password=$kafka_password]" >"$dir/kafka-$((i + 1))/format.log" 2>&1 ||
            die "format kafka-$((i + 1)): see $dir/kafka-$((i + 1))/format.log"
        run "kafka-$((i + 1))"
    done
    export_as LIBRUM_TEST_KAFKA "${addresses#,}"
    export_as LIBRUM_TEST_KAFKA_SECURE "${secures#,}"
    export_as LIBRUM_TEST_KAFKA_CA "$dir/kafka-ca.pem"
    export_as LIBRUM_TEST_KAFKA_USER "$kafka_user"
    export_as LIBRUM_TEST_KAFKA_PASSWORD "$kafka_password"
}

# kafka_certificate : a key for 127.0.0.1 that signs itself; clients trust kafka-ca.pem.
kafka_certificate() {
    local keytool
    keytool=$(java17)/bin/keytool
    "$keytool" -genkeypair -alias broker -keyalg EC -groupname secp256r1 -validity 30 -dname CN=127.0.0.1 \
        -ext SAN=IP:127.0.0.1 -ext BC=ca:true -storetype PKCS12 -keystore "$dir/kafka.p12" -storepass "$kafka_password" 2>"$dir/keytool.log"
    "$keytool" -exportcert -rfc -alias broker -keystore "$dir/kafka.p12" -storepass "$kafka_password" >"$dir/kafka-ca.pem" 2>>"$dir/keytool.log"
}

kafka_broker() {
    local name=kafka-$1
    define "$name" <<END
exec $(java17)/bin/java -Xms256m -Xmx256m -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError \\
    -Djava.io.tmpdir=$dir/$name -XX:-UsePerfData \\
    -Dlog4j2.configurationFile=$dir/$name/log4j2.properties -cp '$kafka_jars/*' kafka.Kafka server.properties
END
    cat >"$dir/$name/log4j2.properties" <<'END'
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
END
    cat >"$dir/$name/server.properties" <<END
process.roles=broker,controller
node.id=$1
controller.quorum.voters=$5
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://127.0.0.1:$2,SECURE://127.0.0.1:$3,CONTROLLER://127.0.0.1:$4
advertised.listeners=PLAINTEXT://127.0.0.1:$2,SECURE://127.0.0.1:$3
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.ssl.keystore.location=$dir/kafka.p12
listener.name.secure.ssl.keystore.type=PKCS12
listener.name.secure.ssl.keystore.password=$kafka_password
log.dirs=$dir/$name/data
auto.create.topics.enable=false
default.replication.factor=3
min.insync.replicas=2
offsets.topic.num.partitions=3
transaction.state.log.num.partitions=3
# A broker that died is noticed in 3 s instead of 9 and leaves the in-sync replicas sooner.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=5000
END
}

await_kafka() {
    local i
    for i in 1 2 3; do await "kafka-$i" logged "kafka-$i" 'Kafka Server started'; done
}
