#!/bin/bash
# Makes secrets/ for compose.yaml: ./make-secrets.sh tundish.example. Nothing is preset and nothing written over.
# Containers run as users 10001 and 999 and must read their files: run it as root, or chown as it says at the end.
set -euo pipefail
cd "$(dirname "$0")"
host=${1:?the name in browsers is missing: ./make-secrets.sh tundish.example}
[ ! -e secrets ] || { echo "secrets/ exists, and nothing was changed" >&2; exit 1; }
command -v tundish >/dev/null || { echo "tundish is missing: pip install tundish" >&2; exit 1; }
umask 077
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
tundish init "$made/new" --origin "https://$host" --language en >/dev/null
random() { openssl rand -hex 24; }

new=$made/new/secrets
for role in postgres postgres-server postgres-owner; do random > "$new/$role.password"; done
random > "$new/objects.key"
: > "$new/worker.token"
url() { printf 'postgresql+psycopg://%s:%s@postgres/tundish\n' "$1" "$(cat "$new/$2.password")"; }
url tundish_server postgres-server > "$new/metadata.url"
url tundish_owner postgres-owner > "$new/metadata-owner.url"
printf '{"identities": [{"name": "tundish", "credentials": [{"accessKey": "tundish", "secretKey": "%s"}], "actions": ["Admin", "Read", "List", "Tagging", "Write"]}]}\n' \
  "$(cat "$new/objects.key")" > "$new/objects.json"
# To begin with; put the real certificate in its place.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=$host" \
  -addext "subjectAltName=DNS:$host" -keyout "$new/tls.key" -out "$new/tls.crt" 2>/dev/null
mv "$new" secrets

if [ "$(id -u)" -eq 0 ]; then
  chown -R 10001:10001 secrets
  chown 999:999 secrets/postgres*.password
  chown 101:101 secrets/tls.key secrets/tls.crt
else
  echo "now: sudo chown -R 10001:10001 secrets; sudo chown 999:999 secrets/postgres*.password; sudo chown 101:101 secrets/tls.*" >&2
fi
echo "secrets/ is made; keep a copy. Name https://$host as people.origin in tundish.toml." >&2
