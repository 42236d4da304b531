#!/usr/bin/env bash
# lint-python.sh : ruff and mypy, as pinned for the tests, over the package librum and its tests.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/require.sh python
python() { tools/python.sh -c 'import os, runpy, sys; os.chdir("python"); sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)' "$@"; }
python ruff check --no-cache .
python ruff format --no-cache --check --quiet .
python mypy --cache-dir=/dev/null
