#!/usr/bin/env bash
# java17.sh : prints the home of a Java 17, or nothing: JAVA_HOME, that of the java in PATH, or what is installed.
# Cassandra 5 runs on no later one, and the other servers run on it too.
set -euo pipefail

for home in "${JAVA_HOME:-}" "$(readlink -f "$(command -v java || true)" 2>/dev/null | sed 's|/bin/java$||')" /usr/lib/jvm/*; do
    if [ -x "$home/bin/java" ] && grep -q '^JAVA_VERSION="17[."]' "$home/release" 2>/dev/null; then
        printf '%s\n' "$home"
        exit
    fi
done
