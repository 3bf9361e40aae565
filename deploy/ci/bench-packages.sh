#!/usr/bin/env bash
# The peers of `make bench-store`. A missing one is a failure that names its install command, never a silent skip.
set -euo pipefail

declare -A wanted=(
  [influxdb]=/usr/bin/influxd
  [postgresql]=/usr/lib/postgresql
  [victoria-metrics]=/usr/bin/victoria-metrics
)

missing=()
for package in "${!wanted[@]}"; do
  [ -e "${wanted[$package]}" ] || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "== installing for the benchmark: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  $install -qq >/dev/null
else
  echo "The benchmark's peers ${missing[*]} are not installed. Install them with: sudo $install" >&2
  echo "or leave them out by naming the others: tundish bench store --peers duckdb" >&2
  exit 1
fi
