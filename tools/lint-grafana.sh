#!/usr/bin/env bash
# lint-grafana.sh : eslint and prettier over the Grafana data source's front end, and the licences of all that its lock file
# pins. Where Node is missing it is left out, with a line that says so.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v node >/dev/null; then
    echo "Node is missing: the front end of the Grafana data source is not linted (sudo apt-get install -y nodejs npm)" >&2
    exit
fi
tools/node-modules.sh
cd grafana-plugin
npm run --silent lint
npm run --silent format:check
# Grafana's own packages come under Apache-2.0; the server, which is under the AGPL, is none of them.
node -e '
const packages = Object.entries(require("./package-lock.json").packages);
const refused = packages.filter(([name, p]) => /\b(A?GPL|SSPL|BUSL|UNLICENSED)/i.test(p.license ?? "") && !/\bOR\b/.test(p.license));
for (const [name, p] of refused) console.error(`${name} is under ${p.license}`);
process.exit(refused.length ? 1 : 0);
'
