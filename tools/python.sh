#!/usr/bin/env bash
# python.sh ARGS… : runs ARGS with the Python of the tests, which has what requirements-test.txt pins; or, with
# LIBRUM_PYTHON_PINS=FILE, with one that has what FILE pins.
# python.sh --which : prints the newest interpreter of this machine that will do, else any, else nothing.
#
# The environment lives in the user's cache under the hash of the interpreter and the pins. It is made
# under a temporary name and renamed when whole, so that an interrupted or a second run finds all or nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

which_python() {
    local name found=""
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        command -v "$name" >/dev/null || continue
        found=${found:-$(command -v "$name")}
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            command -v "$name"
            return
        fi
    done
    printf '%s\n' "$found"
}

if [ "${1:-}" = --which ]; then
    which_python
    exit
fi

python=$(which_python)
pins=${LIBRUM_PYTHON_PINS:-tools/requirements-test.txt}
key=$({ "$python" -VV; cat "$pins"; } | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/librum
venv=$cache/venv-$key
if [ ! -x "$venv/bin/python" ]; then
    mkdir -p "$cache"
    fresh=$(mktemp -d "$venv.XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    echo "making the Python environment $venv (once)" >&2
    "$python" -m venv "$fresh"
    "$fresh/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$pins" >&2
    # Scripts in bin/ still name the temporary folder; everything here runs as python -m, which does not care.
    mv -T "$fresh" "$venv" 2>/dev/null || [ -x "$venv/bin/python" ] # another run may have been first
    rm -rf "$fresh"
    trap - EXIT
fi
exec "$venv/bin/python" "$@"
