# shellcheck shell=bash
# What an update that did not work, or was killed, leaves behind: the release of before runs again.

# As before the update that $UNDERWAY describes; may be done again and again.
put_back() {
  trap - EXIT
  printf '✗ The update did not work, for the reason above. Putting everything back.\n' >&2
  end_strays
  if grep -q '^open$' "$UNDERWAY"; then
    put_back_release
  else
    put_back_release_and_data
  fi
  rm "$UNDERWAY"
  printf '✓ The release of before runs again. Nothing was lost.\n' >&2
}

# People changed things meanwhile, which stay; the release of before works on with the columns and
# tables that the new one added.
put_back_release() {
  bring_back_images "$UNDERWAY"
  OLD_backend="$(id_of_before)"
  bring_up_old
}

put_back_release_and_data() {
  docker compose up --detach --wait postgres
  quiesce || true
  if grep -q '^copied$' "$UNDERWAY" && has_database "$BEFORE"; then
    drop_database opentranscribe
    rename_databases "$BEFORE" opentranscribe
  fi
  bring_back_images "$UNDERWAY"
  docker compose up --detach --wait
  docker compose exec -T backend "${IN_CONTAINER[@]}" open
}

# A migration whose update was killed must not reach the database that is put back.
end_strays() {
  docker ps --all --quiet --filter label=com.docker.compose.oneoff=True \
    --filter "label=com.docker.compose.project.working_dir=$PWD" | xargs -r docker rm --force
}

bring_back_images() {
  local old
  old="$(sed -n 's/^old=//p' "$1")"
  name_images "$(image backend before-update)" "$(image frontend before-update)" "$old"
  [ "$(setting OPENTR_VERSION latest)" = "$old" ] || change_setting OPENTR_VERSION "$old"
}

id_of_before() { docker image inspect --format '{{.Id}}' "$(image backend before-update)" 2> /dev/null; }

settle_update() {
  ask_all
  [ ! -f "$UNDERWAY" ] || put_back
  # Of an update that was killed after it was kept.
  # shellcheck disable=SC2034 # for list_backends
  OLD_backend="$(id_of_before)" || return 0
  [ -z "$(list_backends new)" ] || retire old
}
