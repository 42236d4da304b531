#!/usr/bin/env bash
# require.sh go|python|node|java17|mvn|git|make … : checks that the named tools are there and new enough.
# What is missing is named together with the line that installs it on Debian or Ubuntu; all at once.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly go_needed=1.26.5 python_needed=3.11 node_needed=20
missing=0

# report WHAT LINE… : says what is wrong and the line that puts it right.
report() {
    printf '%s\n  install it with:  %s\n' "$1" "$2" >&2
    missing=1
}

# at_least HAVE NEEDED : compares dotted versions.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

require_go() {
    local arch have line
    case "$(uname -m)" in
        aarch64 | arm64) arch=arm64 ;;
        *) arch=amd64 ;;
    esac
    line="curl -fsSL https://go.dev/dl/go$go_needed.linux-$arch.tar.gz | sudo tar -C /usr/local -xz && export PATH=/usr/local/go/bin:\$PATH"
    if ! command -v go >/dev/null; then
        report "Go $go_needed is missing." "$line"
        return
    fi
    # Inside the repository, so that an older Go that may fetch a newer one answers with the newer one.
    have=$(go env GOVERSION 2>/dev/null) || have=$(cd / && go env GOVERSION)
    have=${have#go}
    at_least "${have%% *}" "$go_needed" || report "Go $go_needed or later is needed; $(command -v go) is Go $have." "sudo rm -rf /usr/local/go && $line"
}

require_python() {
    local python have
    python=$(tools/python.sh --which)
    if [ -z "$python" ]; then
        report "Python $python_needed or later is missing." "sudo apt-get install -y python3 python3-venv"
        return
    fi
    have=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if ! at_least "$have" "$python_needed"; then
        report "Python $python_needed or later is needed; $python is Python $have." "sudo apt-get install -y python$python_needed python$python_needed-venv"
    elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        report "The venv module of $python is missing." "sudo apt-get install -y python$have-venv"
    fi
}

require_node() {
    local have line
    line="sudo apt-get install -y nodejs npm   (Debian 13 and later; elsewhere from https://nodejs.org)"
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        report "Node $node_needed with npm is missing." "$line"
        return
    fi
    have=$(node --version)
    at_least "${have#v}" "$node_needed" || report "Node $node_needed or later is needed; $(command -v node) is Node ${have#v}." "$line"
}

for tool in "$@"; do
    case "$tool" in
        java17) [ -n "$(tools/java17.sh)" ] || report "Java 17 is missing." "sudo apt-get install -y openjdk-17-jre-headless" ;;
        mvn) command -v mvn >/dev/null || report "mvn, which fetches the servers, is missing." "sudo apt-get install -y maven" ;;
        go) require_go ;;
        python) require_python ;;
        node) require_node ;;
        *) command -v "$tool" >/dev/null || report "$tool is missing." "sudo apt-get install -y $tool" ;;
    esac
done
exit "$missing"
