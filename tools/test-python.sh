#!/usr/bin/env bash
# test-python.sh [ARGS…] : the Python tests below test/ and python/; ARGS go to pytest. Those that drive the binary find
# it in LIBRUM_BIN, which make sets.
#
# The package librum is built as a wheel and tested as that, from a folder of its own: what the wheel lacks, tests miss.
# Neither building nor installing asks a registry; all that is needed is in the environment of tools/python.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/require.sh python
export LIBRUM_BIN=${LIBRUM_BIN:-$PWD/bin/librum}

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
tools/python.sh -c 'import os, sys; os.chdir("python"); from hatchling.build import build_wheel; build_wheel(sys.argv[1])' "$made"
tools/python.sh -m pip install --quiet --disable-pip-version-check --no-input --no-index --no-deps \
    --target "$made/site" "$made"/librum-*.whl

pytest=(tools/python.sh -m pytest -q -rs -W error --rootdir=. --import-mode=importlib -p no:cacheprovider)
if [ $# -gt 0 ]; then
    PYTHONPATH=$made/site "${pytest[@]}" "$@"
    exit
fi
"${pytest[@]}" test
COVERAGE_FILE=$made/coverage PYTHONPATH=$made/site "${pytest[@]}" \
    --cov --cov-config=python/pyproject.toml --cov-report=term-missing:skip-covered python/tests
