#!/usr/bin/env bash
# Third-party parts of the tests, each from its lock file: an OPC UA server (node-opcua), and the judge of pages
# (axe-core).
set -euo pipefail
cd "$(dirname "$0")/../.."
for folder in tests/connectors/peers tests/browser/peers; do
  (
    cd "$folder"
    stamp=node_modules/.tundish-lock
    if [ -f "$stamp" ] && cmp -s package-lock.json "$stamp"; then
      exit 0
    fi
    echo "== installing what $folder/package-lock.json names"
    npm ci --no-audit --no-fund --loglevel=error
    cp package-lock.json "$stamp"
  )
done
