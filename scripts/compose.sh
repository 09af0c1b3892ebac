#!/usr/bin/env bash
# The commands of an installation that runs in containers. ./opentr.sh hands them over when .env has
# OPENTR_RUN_ON=compose, which `./opentr.sh start --compose` writes. Needs nothing but the engine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Every step of every container is for people who watch; errors are told in any case.
[ -t 2 ] || export COMPOSE_PROGRESS="${COMPOSE_PROGRESS:-quiet}"
# shellcheck source=scripts/compose_parts.sh
. scripts/compose_parts.sh
# shellcheck source=scripts/compose_replace.sh
. scripts/compose_replace.sh
# shellcheck source=scripts/compose_put_back.sh
. scripts/compose_put_back.sh
# shellcheck source=scripts/compose_update.sh
. scripts/compose_update.sh

start() {
  [ "${1:-}" != --compose ] || shift
  write_secrets
  settle_update
  give_folders
  docker compose up --detach --wait "$@" || refuse 6 \
    "Not every service came up. Your data is safe in its volumes. See: ./opentr.sh logs"
  # Of an update that was killed after it was kept.
  docker compose exec -T backend "${IN_CONTAINER[@]}" open
  note_version
  local page
  page="http://localhost:$(setting FRONTEND_PORT 5173)"
  say "✓ OpenTranscribe runs: $page"
  local token
  token="$(docker compose exec -T backend cat /app/data/secrets/setup-token 2> /dev/null)" || true
  [ -z "$token" ] || say "  First visit: create the administrator at $page/setup#token=$token"
}

stop() {
  # Also what belongs to a profile that is not chosen now; else its network is held.
  docker compose --profile '*' down --remove-orphans
  say "✓ Stopped. Everything is kept."
}

restart() {
  if [ $# -gt 0 ]; then
    docker compose restart "$@"
  else
    docker compose up --detach --wait --force-recreate
  fi
}

status() {
  docker compose ps --all
  local wanted well unwell
  wanted="$(docker compose config --services | wc -l)"
  unwell="$(docker compose ps --all --format '{{.Health}} {{.Service}}' | sed -n '/^healthy /!s/^.* //p')"
  well="$(docker compose ps --format '{{.Service}}' | sort -u | grep -cvxF "${unwell:-/}")" || true
  if [ "$well" -lt "$wanted" ]; then
    say "✗ $well of $wanted services are healthy. See: ./opentr.sh logs"
    return 3
  fi
  docker compose exec -T backend python -c "$ASK_HEALTH"
  say "✓ All $wanted services are healthy."
}

shell() {
  local service="${1:-backend}"
  [ $# -eq 0 ] || shift
  if [ -t 0 ]; then
    docker compose exec "$service" "${@:-bash}"
  else
    docker compose exec -T "$service" "${@:-bash}"
  fi
}

restore() {
  local file="" word undo="" agreed=""
  for word in "$@"; do
    case "$word" in
      --yes | -y) agreed=yes ;;
      --undo) undo=yes ;;
      -*) refuse 2 "restore does not know $word here. Nothing was changed." ;;
      *) file="$word" ;;
    esac
  done
  if [ -n "$undo" ]; then
    has_database opentranscribe_replaced || refuse 5 "There is no restore to take back."
    quiesce
    exchange_databases opentranscribe_replaced
  else
    require_dump "$file"
    [ -n "$agreed" ] || confirm "Replace the database by $file? What is there now can be brought back."
    docker compose up --detach --wait postgres
    # Read in beside what is there, while everybody goes on working.
    drop_database opentranscribe_restored
    on_server "CREATE DATABASE opentranscribe_restored TEMPLATE template0"
    if ! psql --dbname opentranscribe_restored --quiet -v ON_ERROR_STOP=1 < "$file" > /dev/null; then
      drop_database opentranscribe_restored
      refuse 2 "$file could not be read in. Nothing was changed, and nobody was disturbed."
    fi
    quiesce
    drop_database opentranscribe_replaced
    rename_databases opentranscribe opentranscribe_replaced opentranscribe_restored opentranscribe
  fi
  docker compose up --detach --wait
  say "✓ The database is in place. To take it back: ./opentr.sh restore --undo"
}

rollback() {
  if [ ! -f "$KEPT" ] || ! has_database "$BEFORE"; then
    refuse 5 "There is no update to go back from. Nothing was changed."
  fi
  [[ "${1:-}" == -y || "${1:-}" == --yes ]] \
    || confirm "Go back to the release and the data of before the last update?"
  say "· Making a backup of what is there now"
  docker compose exec -T backend opentr backup
  quiesce
  drop_database opentranscribe_after_update
  rename_databases opentranscribe opentranscribe_after_update "$BEFORE" opentranscribe
  bring_back_images "$KEPT"
  rm "$KEPT"
  docker compose up --detach --wait
  note_version
  say "✓ Back at $(cat VERSION). What was newer is in the backup, and in opentranscribe_after_update."
}

main() {
  local verb="${1:-}"
  [ $# -eq 0 ] || shift
  require_engine
  case "$verb" in
    start | stop | restart | status | shell | restore | update | rollback) "$verb" "$@" ;;
    logs) docker compose logs "$@" ;;
    *)
      # Everything else is done by the program inside, as the user it runs as.
      local terminal=(-T)
      [ ! -t 0 ] || terminal=()
      exec docker compose exec ${terminal[@]+"${terminal[@]}"} backend opentr ${verb:+"$verb"} "$@"
      ;;
  esac
}

main "$@"
