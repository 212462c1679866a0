#!/bin/sh
# preview and switch: which release is shown, and which is served.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

# `next`: a second name, under which a web server can show a release before anybody is sent to it.
preview() { # RELEASE
  need_name "$1"
  enter
  is_sealed "$1" || refuse not-found "there is no sealed release $1 on this server"
  rm -f .current.next && ln -s "releases/$1" .current.next && mv -T .current.next next || exit 1
  answer '{}'
}

switch() { # TOKEN RELEASE. TOKEN `-`: no lock is needed.
  enter
  [ "$1" = - ] || { need_lock "$1" && tell switch; }
  recall
  find_current
  adopt_current
  is_servable "$2" || refuse not-found "there is no sealed release $2 on this server"
  operation=.lockstep/operations/$op
  mkdir -p "$operation" || exit 1
  # What was served before is written down before the rename, so that a repeat after a kill still knows it.
  [ -f "$operation/previous" ] || echo "$serving" | keep "$operation/previous" || exit 1
  read -r previous <"$operation/previous" || exit 1
  if [ -d "releases/$serving" ] && ! is_sealed "$serving"; then
    echo taken-over | keep ".lockstep/releases/$serving" || exit 1
  fi
  point_current "$2" "$op"
  echo "{\"previous\":$(null_or "$previous")}" | keep "$operation/answer" || exit 1
  recall
}
