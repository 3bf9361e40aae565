#!/usr/bin/env bash
# The third-party OPC UA server of the tests (node-opcua), from its lock file.
set -euo pipefail
cd "$(dirname "$0")/../../tests/connectors/peers"
stamp=node_modules/.tundish-lock
if [ -f "$stamp" ] && cmp -s package-lock.json "$stamp"; then
  exit 0
fi
echo "== installing node-opcua for the tests"
npm ci --no-audit --no-fund --loglevel=error
cp package-lock.json "$stamp"
