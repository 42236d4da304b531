#!/usr/bin/env bash
# notebooks.sh [--write] [NOTEBOOK…] : runs the notebooks from clean kernels, each against a network that it starts itself; with
# --write their outputs are kept in the files, which is how those that readers see are made.
# Environments are pinned by frameworks/*.txt and made once in the user's cache: that of the framework that a notebook shows, or that of
# notebooks.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/require.sh python
export LIBRUM_BIN=${LIBRUM_BIN:-$PWD/bin/librum} PYTHONPATH=$PWD/python/src PIP_NO_CACHE_DIR=1
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export IPYTHONDIR=$home MPLCONFIGDIR=$home JUPYTER_PLATFORM_DIRS=1 # nothing of the user's configuration

flags=()
[ "${1:-}" != --write ] || { flags=(--write); shift; }
[ $# -gt 0 ] || set -- notebooks/*.ipynb
for notebook in "$@"; do
    case $(basename "$notebook") in
        02_*) pins=torch ;;
        03_*) pins=tensorflow ;;
        04_*) pins=flower ;;
        *) pins=notebooks ;;
    esac
    LIBRUM_PYTHON_PINS=tools/frameworks/$pins.txt tools/python.sh tools/run_notebooks.py ${flags[@]+"${flags[@]}"} "$notebook" \
        2> >(grep -v 'IPKernelApp' >&2)
done
