#!/usr/bin/env bash
# Compile the lock files: every version and hash, for every platform, no index address in them.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
uv="${UV:-../data/tools/bin/uv}"

for name in tools build node base distributed dev; do
  "$uv" pip compile --quiet --generate-hashes --no-emit-index-url --universal \
    --python-version 3.11 --no-header "$name.in" -o "$name.txt" "$@"
done
