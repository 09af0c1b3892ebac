# shellcheck shell=bash
# An update of an installation in containers: checked, backed up and rehearsed while everything runs;
# then switched and proven, or put back with its data.

#: Stands while an update changes something: whoever starts next puts back what it describes.
UNDERWAY=data/compose/update
#: The last one that was kept, which a rollback goes back from.
KEPT=data/compose/last-update
BEFORE=opentranscribe_before_update
IN_CONTAINER=(python -m opentranscribe.entrypoints.container)
#: Images of the release that runs, by their ids: a tag may soon not name them any more.
OLD_backend="" OLD_frontend=""
#: Whether the release that runs may go on working with the database of the new one.
BESIDE=""

update() {
  local wanted="" agreed="" only_look=""
  while [ $# -gt 0 ]; do
    case "$1" in
      --version) wanted="${2:?--version needs a version, as v1.1.0}"; shift ;;
      --yes | -y) agreed=yes ;;
      --dry-run) only_look=yes ;;
      *) refuse 2 "update does not know $1 for containers. Nothing was changed." ;;
    esac
    shift
  done
  settle_update
  OLD="$(setting OPENTR_VERSION latest)"
  NEW="${wanted:-$OLD}"
  remember_running
  prepare
  if [ -n "$only_look" ]; then
    forget_preparation
    say "✓ It would work. Nothing was changed."
    return
  fi
  [ -n "$agreed" ] || [ ! -t 0 ] || confirm "Update to $RELEASE now?"
  switch
}

remember_running() {
  local name container
  for name in backend frontend; do
    container="$(first_line "$(docker compose ps --quiet "$name")")"
    [ -n "$container" ] || refuse 2 "Nothing runs here. Start first: ./opentr.sh start"
    printf -v "OLD_$name" %s "$(docker inspect --format '{{.Image}}' "$container")"
  done
}

prepare() {
  trap 'forget_preparation; say "Nothing was changed."' EXIT
  say "· Fetching $NEW"
  OPENTR_VERSION="$NEW" docker compose pull --quiet
  RELEASE="$(docker run --rm --network none --entrypoint opentr "$(image backend "$NEW")" --version)"
  docker run --rm --network none --entrypoint python "$(image backend "$NEW")" \
    -c 'import opentranscribe.entrypoints.server, opentranscribe.entrypoints.worker'
  local found
  found="$(docker image inspect --format '{{.Id}}' "$(image backend "$NEW")")"
  if [ "$found" = "$OLD_backend" ]; then
    trap - EXIT
    say "✓ $RELEASE runs already, and there is nothing newer under the name $NEW."
    exit 0
  fi
  say "· $RELEASE is here and starts; making a backup"
  docker compose exec -T backend opentr backup
  say "· Rehearsing the migration on a copy of the database"
  copy_database opentranscribe opentranscribe_rehearsal
  migrate opentranscribe_rehearsal
  ! suits_running opentranscribe_rehearsal || BESIDE=yes
  drop_database opentranscribe_rehearsal
}

# The names are as they were; what was fetched stays without one.
forget_preparation() {
  trap - EXIT
  drop_database opentranscribe_rehearsal || true
  name_images "$OLD_backend" "$OLD_frontend" "$OLD"
}

name_images() {
  docker tag "$1" "$(image backend "$3")"
  docker tag "$2" "$(image frontend "$3")"
}

migrate() {
  OPENTR_VERSION="$NEW" DATABASE_URL="$(database_url "$1")" \
    docker compose run --rm --no-deps -T --env DATABASE_URL --entrypoint opentr backend db upgrade --yes
}

switch() {
  name_images "$OLD_backend" "$OLD_frontend" before-update
  mkdir -p "$(dirname "$UNDERWAY")"
  printf 'old=%s\nnew=%s\n' "$OLD" "$NEW" > "$UNDERWAY"
  trap 'put_back; exit 6' EXIT
  local token=""
  if [ -n "$BESIDE" ] && [ "$(count_backends)" -ge 2 ]; then
    say "· Everybody can go on working; copying the database"
    echo open >> "$UNDERWAY"
  else
    say "· Holding changes; everybody can go on reading"
    token="$(docker compose exec -T backend "${IN_CONTAINER[@]}" hold)"
    docker compose stop "${WORKERS[@]}" 2> /dev/null
  fi
  copy_database opentranscribe "$BEFORE"
  echo copied >> "$UNDERWAY"
  say "· Migrating and switching to $RELEASE"
  migrate opentranscribe
  [ "$NEW" = "$OLD" ] || change_setting OPENTR_VERSION "$NEW"
  bring_up_new
  say "· Proving it"
  printf '%s' "$token" | docker exec --interactive "$(first_line "$(list_backends new)")" \
    opentr prove --url http://127.0.0.1:8080 --proof-token-file /dev/stdin
  mv "$UNDERWAY" "$KEPT"
  trap - EXIT
  [ -z "$token" ] || docker compose exec -T backend "${IN_CONTAINER[@]}" open
  retire old
  replace_front_door
  note_version
  say "✓ $RELEASE runs and has proven itself. To go back: ./opentr.sh rollback"
}
