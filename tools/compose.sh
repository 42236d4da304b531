#!/usr/bin/env bash
# compose.sh [FILE…] : reads compose files as Docker does, with the compose-go that tools/compose pins, and looks whether
# what they mount from here exists. By default all of deploy. No container engine is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# -eq 0 ]; then
    mapfile -t files < <(find deploy -name 'compose*.yaml')
    set -- "${files[@]}"
fi
program=$(cd tools/compose && GOWORK=off GOFLAGS=-mod=readonly go tool -n github.com/compose-spec/compose-go/v2/cmd)
for file in "$@"; do
    # Paths in a file are relative to its folder.
    if ! resolved=$(cd "$(dirname -- "$file")" && "$program" "$(basename -- "$file")"); then
        printf '\n%s is no compose file: see above\n' "$file" >&2
        exit 1
    fi
    while read -r source; do
        if [ ! -e "$source" ]; then
            printf '%s mounts %s, which is not there\n' "$file" "$source" >&2
            exit 1
        fi
    done < <(awk '{sub(/^ *- /, "")} $1 == "source:" {source = $2} $1 == "type:" && $2 == "bind" {print source}' <<<"$resolved")
done
