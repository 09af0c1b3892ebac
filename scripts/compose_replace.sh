# shellcheck shell=bash
# One release takes the place of another: the new backends start beside the old ones, which are only
# let go, each after its last answer, when nobody needs them any more. So somebody always answers.

#: The database is there already when a new release starts in an update, so it starts soon.
START_SECONDS=180
#: For the last answers of a backend that is let go; it waits as long by itself.
LAST_ANSWERS_SECONDS=70
SUITS='import os, sys
from opentranscribe.schema.migrations.state import check
sys.exit(not check(os.environ["DATABASE_URL"]).fits)'
# shellcheck disable=SC2016 # expanded inside
ASK_ALL='cd /etc/nginx/conf.d && [ -f chosen.conf ] || exit 0
sed -i "s/set \$backend .*/set \$backend $OPENTR_BACKEND;/" default.conf && rm chosen.conf
nginx -s reload'
# shellcheck disable=SC2016
ASK_ONLY='cd /etc/nginx/conf.d && seconds="$1" && shift
{ echo "# $$"; echo "upstream chosen {"; printf "  server %s:8080;\n" "$@"; echo "}"; } > chosen.conf
sed -i "s/set \$backend .*/set \$backend chosen;/" default.conf && nginx -s reload
sleep "$seconds"
grep -qx "# $$" chosen.conf || exit 0
'"$ASK_ALL"
#: What decides how the front door works, whoever built its image: its settings and its packages.
# shellcheck disable=SC2016 # asked inside
DOOR='cat /etc/nginx/templates/* /usr/share/opentranscribe/* /var/lib/dpkg/status \
  /lib/apk/db/installed "$(command -v nginx)" 2> /dev/null | sha256sum'

count_backends() { docker compose ps --quiet backend | wc -l; }

database_url() {
  printf 'postgresql://postgres:%s@postgres:5432/%s\n' "$(setting POSTGRES_PASSWORD)" "$1"
}

# Whether the release that runs may go on working with database $1, which the new one migrated.
suits_running() {
  DATABASE_URL="$(database_url "$1")" \
    docker compose exec -T --env DATABASE_URL backend python -c "$SUITS"
}

# Containers of the API whose image is that of the release that ran ("old"), or any other ("new").
list_backends() {
  local container
  for container in $(docker compose ps --all --quiet backend); do
    if [ "$(docker inspect --format '{{.Image}}' "$container")" = "${OLD_backend:?}" ]; then
      [ "$1" = new ] || echo "$container"
    else
      [ "$1" = old ] || echo "$container"
    fi
  done
}

# Everything but the front door, which waits until it can no longer be wanted back.
bring_up_new() {
  if [ -z "$BESIDE" ]; then
    # The release that runs may not work with this database.
    docker compose up --detach --wait --wait-timeout "$START_SECONDS"
    return
  fi
  add_backends "$(count_backends)"
  replace_others
}

# $1 more, beside those that run.
add_backends() {
  docker compose up --detach --wait --wait-timeout "$START_SECONDS" --no-deps --no-recreate \
    --scale "backend=$(($1 + $(count_backends)))" backend
}

replace_others() {
  docker compose config --services | grep -vx 'backend\|frontend' | xargs \
    docker compose up --detach --wait --wait-timeout "$START_SECONDS" --no-deps
}

bring_up_old() {
  [ -n "$(list_backends old)" ] || add_backends "$(setting OPENTR_BACKEND_REPLICAS 1)"
  replace_others
  retire new
  docker compose up --detach --wait
}

# Let go of all "old" or "new" ones at once: the others are asked alone from now on, and these end
# when their last answer is out.
retire() {
  local containers others until
  containers="$(list_backends "$1" | tr '\n' ' ')"
  [ -n "$containers" ] || return 0
  others="$(list_backends "$([ "$1" = old ] && echo new || echo old)" | tr '\n' ' ')"
  ask_only "$others"
  # shellcheck disable=SC2086 # several of them
  docker update --restart=no $containers > /dev/null
  # shellcheck disable=SC2086
  docker kill --signal USR1 $containers > /dev/null || true
  until=$((SECONDS + LAST_ANSWERS_SECONDS))
  while [ "$SECONDS" -lt "$until" ] && is_any_running "$containers"; do sleep 0.5; done
  # shellcheck disable=SC2086
  docker rm --force $containers > /dev/null
  ask_all
}

# The front door asks these containers by their addresses until `ask_all`; or, for this script may be
# killed meanwhile, for as long as the others may take to go.
ask_only() {
  local addresses
  # shellcheck disable=SC2086 # several of them
  addresses="$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' $1)"
  # shellcheck disable=SC2086
  docker compose exec -T --detach frontend sh -c "$ASK_ONLY" sh "$((LAST_ANSWERS_SECONDS + 10))" $addresses \
    || return 0
  # Workers of nginx that go by the settings of before take nobody in after this.
  sleep 2
}

# Whoever has the name, as ever.
ask_all() { docker compose exec -T frontend sh -c "$ASK_ALL" 2> /dev/null || true; }

is_any_running() {
  # shellcheck disable=SC2086
  [[ "$(docker inspect --format '{{.State.Running}}' $1)" == *true* ]]
}

# Only when it has changed: while it is made anew, nobody gets in for a second.
replace_front_door() {
  local running
  running="$(docker inspect --format '{{.Image}}' "$(docker compose ps --all --quiet frontend)")"
  [ "$(door "$running")" != "$(door "$(image frontend "$NEW")")" ] || return 0
  docker compose up --detach --wait --no-deps frontend
}

door() { docker run --rm --network none --entrypoint sh "$1" -c "$DOOR"; }
