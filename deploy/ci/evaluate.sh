#!/usr/bin/env bash
# The last honest figures of every evaluation, kept beside the code they were measured on.
set -euo pipefail
cd "$(dirname "$0")/../.."
for line in hydraulic igbt steel; do
  .venv/bin/tundish evaluate "$line" --json > "docs/figures/evaluate-$line.json.new"
  mv "docs/figures/evaluate-$line.json.new" "docs/figures/evaluate-$line.json"
  .venv/bin/python -c 'import json, sys; print(json.load(open(sys.argv[1]))["name"], "→", sys.argv[1])' "docs/figures/evaluate-$line.json"
done
