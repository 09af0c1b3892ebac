#!/usr/bin/env bash
# Finds or makes the environment of this installation, then hands every command to `opentr`.
set -euo pipefail

home="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$home"
export OPENTR_HOME="$home"

# An installation in containers needs nothing of this machine but the engine.
if [ "${1:-} ${2:-}" = "start --compose" ] || grep -qs '^OPENTR_RUN_ON=compose$' .env; then
  [ "${1:-}" = test ] || exec bash "$home/scripts/compose.sh" "$@"
fi

find_python() {
  local candidate
  for candidate in "${OPENTR_PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  cat >&2 <<'HELP'
✗ OpenTranscribe needs Python 3.11 or newer with its venv module.
  Debian, Ubuntu:  sudo apt install python3 python3-venv
  Fedora:          sudo dnf install python3
  macOS:           brew install python
  Or name one:     OPENTR_PYTHON=/path/to/python ./opentr.sh start
HELP
  exit 1
}

# A checkout builds itself as a release; an installation folder already has one.
opentr="$home/data/current/venv/bin/opentr"
if [ -f "$home/pyproject.toml" ] && [ -d "$home/src/opentranscribe" ]; then
  case "${1:-}" in
    test)
      shift
      exec "$(find_python)" "$home/tools/run_tests.py" "$@"
      ;;
    update)
      # Beside the release that runs, which goes on until the new one is to take over.
      "$(find_python)" "$home/tools/install_release.py" --aside
      ;;
    stop | status | logs | backup | restore | rollback | resume)
      # About what runs now, so nothing new is built for it.
      [ -x "$opentr" ] || "$(find_python)" "$home/tools/install_release.py"
      ;;
    *)
      "$(find_python)" "$home/tools/install_release.py"
      ;;
  esac
elif [ ! -x "$opentr" ]; then
  echo "✗ There is no release in $home/data. Make an installation with: opentr init DIR" >&2
  exit 1
fi

exec "$opentr" "$@"
