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
  # What was served before is written down before the rename, in one line at once, so that a repeat after a kill still knows it; and that it
  # was done after it.
  record=.lockstep/operations/$op previous='' ended=''
  # shellcheck disable=SC2015 # The second line may not be there yet.
  [ ! -s "$record" ] || { read -r previous && read -r ended; } <"$record" || :
  if [ -n "$ended" ]; then
    tell_previous
    return 0
  fi
  find_current
  adopt_current
  is_servable "$2" || refuse not-found "there is no sealed release $2 on this server"
  if [ -z "$previous" ]; then
    previous=$serving
    echo "$previous" >"$record" || exit 1
  fi
  if [ -d "releases/$serving" ] && ! is_sealed "$serving"; then
    keep_line ".lockstep/releases/$serving" taken-over || exit 1
  fi
  point_current "$2" "$op"
  [ "$1" != - ] || flush . || exit 1 # No decision follows that would do it.
  { echo "done" >>"$record"; } 2>/dev/null
  tell_previous
}

tell_previous() { if [ "$previous" = - ]; then conclude '{"previous":null}'; else conclude "{\"previous\":\"$previous\"}"; fi; }
