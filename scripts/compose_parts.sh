# shellcheck shell=bash
# What the commands for containers are made of: settings, secrets, folders, databases.

# shellcheck disable=SC2034 # for compose.sh
ASK_HEALTH='import json, urllib.request
with urllib.request.urlopen("http://127.0.0.1:8080/api/health", timeout=10) as answer:
    found = json.load(answer)
print("health:", found["status"], "  version:", found["version"])'
WORKERS=(scheduler celery-worker celery-cpu-worker celery-utility-worker)
#: What changes the database; the order in which they end.
WRITERS=("${WORKERS[@]}" backend)

say() { printf '%s\n' "$*"; }

# Not by `head`, which would cut off who still writes.
first_line() { printf '%s\n' "${1%%$'\n'*}"; }

refuse() {
  local code="$1"
  shift
  printf '✗ %s\n' "$*" >&2
  exit "$code"
}

confirm() {
  [ -t 0 ] || refuse 2 "$* Say so with --yes. Nothing was changed."
  local answer
  read -r -p "$* [y/N] " answer
  [[ "$answer" == [yY]* ]] || refuse 1 "Nothing was changed."
}

require_engine() {
  command -v docker > /dev/null || refuse 6 \
    "There is no docker on this machine. Install Docker Engine with its Compose plugin."
  docker compose version > /dev/null 2>&1 || refuse 6 \
    "This docker has no Compose plugin. Debian, Ubuntu: sudo apt install docker-compose-plugin"
  docker info > /dev/null 2>&1 || refuse 6 \
    "The container engine does not answer. Is it running, and may you use it? Try: docker info"
}

# A setting: of the environment, else the last one in .env, else $2.
setting() {
  local found="${!1:-}"
  [ -n "$found" ] || [ ! -f .env ] || found="$(sed -n "s/^$1=//p" .env | tail -n 1)"
  printf '%s\n' "${found:-${2:-}}"
}

# Written beside and renamed, so that a .env is never half.
change_setting() {
  local draft
  draft="$(mktemp .env.XXXXXX)"
  [ ! -f .env ] || grep -v "^$1=" .env > "$draft" || true
  printf '%s=%s\n' "$1" "$2" >> "$draft"
  mv "$draft" .env
}

write_secrets() {
  local name
  [ "$(setting OPENTR_RUN_ON)" = compose ] || change_setting OPENTR_RUN_ON compose
  for name in POSTGRES_PASSWORD REDIS_PASSWORD OPENTR_S3_SECRET_KEY FLOWER_PASSWORD; do
    [ -n "$(setting "$name")" ] || change_setting "$name" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
  done
}

image() { printf '%s-%s:%s\n' "$(setting OPENTR_IMAGE_PREFIX opentranscribe/opentranscribe)" "$1" "$2"; }

# Backups and models belong to the user of the containers, which is 1000.
give_folders() {
  local folder
  for folder in "$(setting OPENTR_BACKUP_DIR ./backups)" "$(setting MODEL_CACHE_DIR ./models)"; do
    mkdir -p "$folder"
    [ "$(stat -c %u "$folder" 2> /dev/null)" != 1000 ] || continue
    docker run --rm --user 0 --network none --volume "$(cd "$folder" && pwd):/folder" \
      --entrypoint chown "$(image backend "$(setting OPENTR_VERSION latest)")" -R 1000:1000 /folder
  done
}

note_version() {
  docker compose exec -T backend opentr --version > VERSION.new && mv VERSION.new VERSION
}

psql() { docker compose exec -T postgres psql --username postgres --no-psqlrc "$@"; }

on_server() { psql --dbname postgres --quiet -v ON_ERROR_STOP=1 --command "$1"; }

has_database() {
  [ "$(psql --dbname postgres -tAc "SELECT 1 FROM pg_database WHERE datname = '$1'")" = 1 ]
}

drop_database() { on_server "DROP DATABASE IF EXISTS $1 WITH (FORCE)"; }

# A copy, while others may go on reading; $2 is made anew.
copy_database() {
  drop_database "$2"
  on_server "CREATE DATABASE $2 TEMPLATE template0"
  docker compose exec -T postgres sh -c "pg_dump --username postgres --format custom $1 |
    pg_restore --username postgres --exit-on-error --single-transaction --dbname $2"
}

# Pairs of old and new names, all at once.
rename_databases() {
  local commands=""
  while [ $# -gt 0 ]; do
    on_server "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = '$1' AND pid <> pg_backend_pid()" > /dev/null
    commands+="ALTER DATABASE $1 RENAME TO $2;"
    shift 2
  done
  on_server "BEGIN; $commands COMMIT;"
}

# The named one comes into use, and what was in use takes its name.
exchange_databases() {
  rename_databases opentranscribe opentranscribe_moved "$1" opentranscribe opentranscribe_moved "$1"
}

# Nobody changes the database any more; jobs go back to the queue.
quiesce() {
  ask_all
  docker compose stop "${WRITERS[@]}" 2> /dev/null
}

require_dump() {
  [ -f "$1" ] || refuse 2 "There is no backup ${1:-}. Nothing was changed. See: ls backups"
  # A dump ends with a line that says so; one of ours carries its checksum there.
  tail -n 5 "$1" | grep -q '^-- \|^\\unrestrict' || refuse 2 \
    "$1 has no proper end, so it is damaged or not a plain SQL dump. Nothing was changed."
}
