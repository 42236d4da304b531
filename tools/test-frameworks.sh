#!/usr/bin/env bash
# test-frameworks.sh [FRAMEWORK…] : the tests of the package's adapters, each with the framework it is for, in an environment
# of its own that frameworks/FRAMEWORK.txt pins and tools/python.sh makes once in the user's cache; then, unless some are named,
# all of them in one job with a peer in Go.
# Gigabytes are fetched the first time, of PyTorch above all. None of these tests is skipped here.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/require.sh python
export LIBRUM_BIN=${LIBRUM_BIN:-$PWD/bin/librum} PYTHONPATH=$PWD/python/src
export PIP_NO_CACHE_DIR=1 # what is installed once need not be kept twice
export TF_CPP_MIN_LOG_LEVEL=3

if [ $# -gt 0 ]; then frameworks=("$@"); else frameworks=(torch tensorflow flower syft); fi
for framework in "${frameworks[@]}"; do
    export LIBRUM_PYTHON_PINS=tools/frameworks/$framework.txt
    interpreter=$(tools/python.sh -c 'import sys; print(sys.executable)')
    export "LIBRUM_TEST_${framework^^}=$interpreter"
    echo "=== $framework"
    COVERAGE_FILE=$(mktemp -u) tools/python.sh -m pytest -q --rootdir=. --import-mode=importlib -p no:cacheprovider -rs \
        --cov="librum.$framework" --cov-branch --cov-config=/dev/null --cov-report=term-missing --cov-fail-under=90 \
        "python/tests/test_$framework.py"
done
[ $# -eq 0 ] || exit 0
unset LIBRUM_PYTHON_PINS
echo "=== all in one job"
tools/python.sh -m pytest -q --rootdir=. --import-mode=importlib -p no:cacheprovider -rsP python/tests/test_frameworks.py
