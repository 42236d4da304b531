#!/usr/bin/env bash
# node-modules.sh : gives grafana-plugin the packages that its lock file pins, as a link to a folder in the user's cache.
# They are installed there once for each lock file and version of Node, without running their scripts, and from npm's own
# cache where that has them. Outside the checkout, because some packages hold Go files, which `go build ./...` would find.
#
# The folder is made under a temporary name and renamed when whole, so that an interrupted or a second run finds all or nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/require.sh node

plugin=grafana-plugin
key=$({ node --version; cat "$plugin/package-lock.json"; } | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/librum
modules=$cache/node-$key
if [ ! -d "$modules/node_modules" ]; then
    mkdir -p "$cache"
    fresh=$(mktemp -d "$modules.XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    echo "installing the packages of $plugin into $modules (once, some minutes)" >&2
    cp "$plugin/package.json" "$plugin/package-lock.json" "$fresh"
    npm ci --prefix "$fresh" --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error >&2
    mv -T "$fresh" "$modules" 2>/dev/null || [ -d "$modules/node_modules" ] # another run may have been first
    rm -rf "$fresh"
    trap - EXIT
fi
ln -sfn "$modules/node_modules" "$plugin/node_modules"
