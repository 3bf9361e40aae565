#!/usr/bin/env bash
# Real servers and a real browser for the tests. A missing one is a failure that names its install command.
set -euo pipefail

declare -A wanted=(
  [bubblewrap]=/usr/bin/bwrap
  [faketime]=/usr/bin/faketime
  [chromium]=/usr/bin/chromium
  [fonts-noto-cjk]=/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc
  [postgresql]=/usr/lib/postgresql
)

missing=()
for package in "${!wanted[@]}"; do
  [ -e "${wanted[$package]}" ] || missing+=("$package")
done
command -v node >/dev/null && command -v npm >/dev/null || missing+=(nodejs npm)
[ "${#missing[@]}" -eq 0 ] && exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "== installing for the tests: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  $install -qq >/dev/null
else
  echo "The tests need ${missing[*]}. Install them with: sudo $install" >&2
  exit 1
fi
