#!/bin/bash
# Roles and database as `tundish metadata roles` prints them; the passwords come from files. Runs once, in an empty place.
set -euo pipefail
secrets=${TUNDISH_SECRETS:-/run/secrets}
owner=$(cat "$secrets/postgres-owner.password")
server=$(cat "$secrets/postgres-server.password")
psql -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres -v owner="$owner" -v server="$server" <<'SQL'
CREATE ROLE tundish_owner LOGIN PASSWORD :'owner';
CREATE ROLE tundish_server LOGIN PASSWORD :'server';
CREATE ROLE tundish_tenant NOLOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE tundish_above NOLOGIN NOSUPERUSER NOBYPASSRLS;
GRANT tundish_tenant, tundish_above TO tundish_owner, tundish_server;
CREATE DATABASE tundish OWNER tundish_owner;
SQL
