#!/usr/bin/env bash
# Real servers and a real browser for the tests. A missing one is a failure that names its install command.
set -euo pipefail
source "$(dirname "$0")/need-packages.sh"

declare -A wanted=(
  [bubblewrap]=/usr/bin/bwrap
  [faketime]=/usr/bin/faketime
  [chromium]=/usr/bin/chromium
  [curl]=/usr/bin/curl
  [fonts-noto-cjk]=/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc
  [mosquitto]=/usr/sbin/mosquitto
  [nginx-light]=/usr/sbin/nginx
  [openssl]=/usr/bin/openssl
  [postgresql]=/usr/lib/postgresql
  [systemd]=/usr/bin/systemd-analyze
)

missing=()
for package in "${!wanted[@]}"; do
  [ -e "${wanted[$package]}" ] || missing+=("$package")
done
command -v node >/dev/null && command -v npm >/dev/null || missing+=(nodejs npm)
need_packages "the tests" "" "${missing[@]}"
