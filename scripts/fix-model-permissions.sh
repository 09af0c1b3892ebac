#!/usr/bin/env bash
# Give the model cache to whoever runs OpenTranscribe, after files came there as another user.
# Usage: scripts/fix-model-permissions.sh [USER[:GROUP]]   (default: you; 1000:1000 for containers)
set -euo pipefail

home="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$home"
folder="${MODEL_CACHE_DIR:-}"
if [ -z "$folder" ] && [ -f .env ]; then
  folder="$(sed -n 's/^\(OPENTR_\)\{0,1\}MODEL_CACHE_DIR=//p' .env | tail -n 1)"
fi
folder="${folder:-./models}"
owner="${1:-$(id -u):$(id -g)}"

if [ ! -d "$folder" ]; then
  echo "There is no model cache at $folder yet; it is made on first start."
  exit 0
fi
if ! chown -R "$owner" "$folder" 2>/dev/null; then
  echo "✗ $folder has files of another user. Run this again as root: sudo $0 $owner" >&2
  exit 1
fi
chmod -R u+rwX "$folder"
echo "$folder now belongs to $owner."
