#!/usr/bin/env bash
# tidy.sh : whether go.mod and go.sum of the project, and of the modules that are built with it, are what go mod tidy makes.
set -euo pipefail
cd "$(dirname "$0")/.."

for module in . test/peers/cometbft; do
    if ! (cd "$module" && GOWORK=off GOFLAGS=-mod=mod go mod tidy -diff); then
        echo "$module/go.mod is not tidy: run  (cd $module && GOWORK=off go mod tidy)" >&2
        exit 1
    fi
done
