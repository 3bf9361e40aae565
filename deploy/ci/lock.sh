#!/usr/bin/env bash
# Lock files with hashes, for every platform Python 3.11 and newer runs on. dev is solved first; the smaller ones agree with it.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v uv >/dev/null || { echo "locking needs uv: pip install uv" >&2; exit 1; }

compile() {
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --no-emit-find-links --no-emit-index-url "$@"
}

# setuptools builds the editable installs without fetching anything of its own.
compile --extra dev pyproject.toml requirements/build.in -o requirements/dev.txt
compile --extra server -c requirements/dev.txt pyproject.toml requirements/build.in -o requirements/server.txt
compile --extra server --extra postgresql --extra cluster --extra city -c requirements/dev.txt pyproject.toml requirements/build.in -o requirements/image.txt
compile --extra edge -c requirements/dev.txt pyproject.toml requirements/build.in -o requirements/edge.txt
