#!/usr/bin/env bash
# test-python.sh [ARGS…] : the Python tests below test/ and python/, if there are any; ARGS go to pytest.
# Those that drive the binary find it in LIBRUM_BIN, which make sets.
set -euo pipefail
cd "$(dirname "$0")/.."

folders=()
for folder in test python; do
    if [ -n "$(find "$folder" -name 'test_*.py' -print -quit 2>/dev/null)" ]; then
        folders+=("$folder")
    fi
done
if [ ${#folders[@]} -eq 0 ]; then
    echo "no Python tests below test/ or python/ yet"
    exit 0
fi
tools/require.sh python
# From here on "no tests collected" (exit 5) is a failure like any other: there are files that should hold some.
exec tools/python.sh -m pytest -q -W error --rootdir=. --import-mode=importlib \
    -p no:cacheprovider "$@" "${folders[@]}"
