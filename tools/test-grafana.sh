#!/usr/bin/env bash
# test-grafana.sh : type check, unit tests and build of the Grafana data source's front end, and what its bundle may be.
# Its back end is tested with the other Go packages. Where Node is missing it is left out, with a line that says so.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v node >/dev/null; then
    echo "Node is missing: the front end of the Grafana data source is not tested (sudo apt-get install -y nodejs npm)" >&2
    exit
fi
tools/node-modules.sh
cd grafana-plugin
npm run --silent typecheck
npm run --silent test -- --ci --maxWorkers 2
npm run --silent build

# module.js is loaded by every page that shows a panel of this source.
most=300000
size=$(stat -c %s dist/module.js)
echo "module.js has $size bytes, $most are allowed"
[ "$size" -lt "$most" ] || exit 1
if grep -q '%VERSION%\|%TODAY%' dist/plugin.json dist/README.md; then
    echo "dist has words that the build should have replaced" >&2
    exit 1
fi
for file in LICENSE README.md CHANGELOG.md img/logo.svg dashboards/chain-overview.json dashboards/federated-training.json dashboards/node-health.json; do
    [ -s "dist/$file" ] || { echo "dist lacks $file" >&2; exit 1; }
done
