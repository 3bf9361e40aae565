#!/usr/bin/env bash
# The peers of `make bench-store`. A missing one is a failure that names its install command, never a silent skip.
set -euo pipefail
source "$(dirname "$0")/need-packages.sh"

declare -A wanted=(
  [influxdb]=/usr/bin/influxd
  [postgresql]=/usr/lib/postgresql
  [victoria-metrics]=/usr/bin/victoria-metrics
)

missing=()
for package in "${!wanted[@]}"; do
  [ -e "${wanted[$package]}" ] || missing+=("$package")
done
need_packages "the benchmark" "or leave them out by naming the others: tundish bench store --peers duckdb" "${missing[@]}"
