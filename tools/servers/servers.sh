#!/usr/bin/env bash
# servers.sh start KIND…   installs what is missing, starts the kinds, waits until they answer, writes DIR/env
# servers.sh stop          stops what this folder started, and nothing else
# servers.sh status        says of each process whether it runs; no where one does not, or there is none
# servers.sh install KIND… installs only
# servers.sh kill NAME     ends one process as a crash would (tests do)
# servers.sh run NAME      starts one process again, on its data and ports
# servers.sh pause NAME    stops one process where it stands (SIGSTOP): it keeps its connections and answers nothing
# servers.sh continue NAME has it go on
# servers.sh with KIND… -- COMMAND…  runs COMMAND with the addresses of the kinds in its environment: of those servers that
#                          run, or else of its own, which it starts and stops
#
# KIND is kafka (three brokers), cassandra, etcd (three members), kubo or elasticsearch; a NAME is a folder below DIR,
# kafka-2 for instance. DIR is LIBRUM_SERVERS_DIR, by default ./servers-data. Everything listens on loopback only.
# A process has a folder: run (how it is started), pid (its number and when it began), log, and its data.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
dir=$(realpath -m -- "${LIBRUM_SERVERS_DIR:-$root/servers-data}") # servers run in folders below it
cache=${XDG_CACHE_HOME:-$HOME/.cache}/librum/servers
patience=${LIBRUM_SERVERS_PATIENCE:-300} # seconds for a server to answer

# shellcheck source=tools/servers/process.sh
source "$here/process.sh"

# install NAME FILE… -- COMMAND… : runs COMMAND with a fresh folder as its last argument and keeps that folder as
# $cache/NAME-HASH, HASH being that of the files. Half an install is none. Sets installed.
install() {
    local name=$1 files=() key fresh
    shift
    while [ "$1" != -- ]; do
        files+=("$1")
        shift
    done
    shift
    key=$(cat "${files[@]}" | sha256sum | cut -c1-16)
    installed=$cache/$name-$key
    [ -d "$installed" ] && return
    mkdir -p "$cache"
    fresh=$(mktemp -d "$installed.XXXXXX")
    say "installing $name into $installed (once)"
    if ! "$@" "$fresh"; then
        rm -rf "$fresh"
        die "install $name: see above; try again with: make servers KINDS=$name"
    fi
    mv -T "$fresh" "$installed" 2>/dev/null || [ -d "$installed" ] # another run may have been first
    rm -rf "$fresh"
}

# maven GOAL POM OUT : copies or unpacks what the POM lists.
maven() {
    "$root/tools/require.sh" java17 mvn || return
    JAVA_HOME=$(java17) mvn -q -B -f "$2" "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:$1" \
        -DincludeScope=runtime -DoutputDirectory="$3" -DmarkersDirectory="$3/markers"
}
copy_jars() { maven copy-dependencies "$1" "$2"; }
unpack_zip() { maven unpack-dependencies "$1" "$2"; }

# build_go MODULE PACKAGE PROGRAM OUT : builds a program as the go.mod of MODULE pins it.
build_go() {
    "$root/tools/require.sh" go || return
    # A go.work or GOFLAGS of the caller are for the main module.
    (cd "$1" && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly go build -trimpath -buildvcs=false -o "$4/$3" "$2")
}

java17() { "$root/tools/java17.sh"; }

start() {
    local kind java=
    [ $# -gt 0 ] || set -- kafka cassandra etcd kubo elasticsearch
    for kind in "$@"; do
        case "$kind" in
            kafka | cassandra | elasticsearch) java=java17 ;;
            etcd | kubo) ;;
            *) die "unknown kind $kind; there are kafka, cassandra, etcd, kubo and elasticsearch" ;;
        esac
    done
    "$root/tools/require.sh" curl ${java:+java17} # what was installed before needs it as well
    for kind in $(names); do
        if alive "$kind"; then die "servers of $dir run already; end them first with: make servers-stop"; fi
    done
    for kind in "$@"; do "install_$kind"; done
    forget
    mkdir -p "$dir"
    date -u +%FT%TZ >"$dir/begun"
    export_as LIBRUM_SERVERS_DIR "$dir"
    trap 'say "stopping what was started"; stop' EXIT
    for kind in "$@"; do "start_$kind"; done
    for kind in "$@"; do "await_$kind"; done
    trap - EXIT
    say "started $*; their addresses: source $dir/env"
}

# forget : removes an earlier run's folder, and no other.
forget() {
    [ -d "$dir" ] || return 0
    if [ -n "$(ls -A "$dir")" ] && [ ! -f "$dir/begun" ]; then die "$dir is no folder of servers; give another in LIBRUM_SERVERS_DIR"; fi
    rm -rf -- "$dir"
}

# with KIND… -- COMMAND… : see above.
with() {
    local kinds=() kind variable
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        kinds+=("$1")
        shift
    done
    [ $# -gt 1 ] || die "usage: servers.sh with KIND… -- COMMAND…"
    shift
    if ! status >/dev/null; then
        dir=$(mktemp -d "${TMPDIR:-/tmp}/librum-servers.XXXXXX")
        trap 'stop && rm -rf -- "$dir"' EXIT
        (start "${kinds[@]}") # it has a trap of its own
    fi
    # shellcheck source=/dev/null
    source "$dir/env"
    for kind in "${kinds[@]}"; do
        variable=LIBRUM_TEST_${kind^^}
        [ -n "${!variable:-}" ] || die "the servers that run have no $kind; end them with make servers-stop, and this starts what it needs"
    done
    "$@"
}

for file in kafka cassandra etcd kubo elasticsearch; do
    # shellcheck source=/dev/null
    source "$here/$file.sh"
done

command=${1:-help}
[ $# -eq 0 ] || shift
case "$command" in
    start) start "$@" ;;
    with) with "$@" ;;
    stop) stop ;;
    status) status ;;
    install) for kind in "$@"; do "install_$kind"; done ;;
    kill) crash "${1:?usage: servers.sh kill NAME}" ;;
    run) run "${1:?usage: servers.sh run NAME}" ;;
    pause) signal STOP "${1:?usage: servers.sh pause NAME}" ;;
    continue) signal CONT "${1:?usage: servers.sh continue NAME}" ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" ;;
esac
