#!/usr/bin/env bash
# site.sh : builds the documentation as a site into build/site, by an environment that frameworks/site.txt pins. A page that is not there, an
# anchor that is none and a name that the package lacks end it.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/require.sh python
export NO_MKDOCS_2_WARNING=1 # an advertisement
LIBRUM_PYTHON_PINS=tools/frameworks/site.txt tools/python.sh -m mkdocs build --quiet --strict --clean
echo "build/site/index.html"
