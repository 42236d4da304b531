#!/usr/bin/env bash
# notebooks.sh [--write] [NOTEBOOK…] : runs the notebooks that need no framework from clean kernels, each against a network that it
# starts itself; with --write their outputs are kept in the files, which is how those that readers see are made.
# The environment is pinned by frameworks/notebooks.txt and made once in the user's cache.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/require.sh python
export LIBRUM_BIN=${LIBRUM_BIN:-$PWD/bin/librum} PYTHONPATH=$PWD/python/src LIBRUM_PYTHON_PINS=tools/frameworks/notebooks.txt
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export IPYTHONDIR=$home MPLCONFIGDIR=$home JUPYTER_PLATFORM_DIRS=1 # nothing of the user's configuration

flags=()
[ "${1:-}" != --write ] || { flags=(--write); shift; }
[ $# -gt 0 ] || set -- notebooks/01_*.ipynb notebooks/06_*.ipynb notebooks/07_*.ipynb notebooks/08_*.ipynb
tools/python.sh tools/run_notebooks.py ${flags[@]+"${flags[@]}"} "$@" 2> >(grep -v 'IPKernelApp' >&2)
