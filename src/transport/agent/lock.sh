#!/bin/sh
# lock, decide, unlock, and the watchdog.
# These bring about a state, so that a repeated request finds it brought about; they need no record of the operation.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

# Sets holder, lock_epoch, lock_boot, deadline, fallback; an empty holder: unlocked.
read_lock() {
  holder='' lock_epoch=0 lock_boot='' deadline=0 fallback=''
  [ ! -f .lockstep/lock ] || read -r holder lock_epoch lock_boot deadline fallback <.lockstep/lock || holder=unreadable
}

write_lock() { echo "$1 $epoch $(boot_id) $(($(uptime) + $2)) $3" | keep .lockstep/lock || exit 1; }

# The server's own clock: seconds since it started. Nobody can set it.
uptime() { if read -r up _ 2>/dev/null </proc/uptime; then echo "${up%.*}"; else date +%s; fi; }

boot_id() { if read -r id 2>/dev/null </proc/sys/kernel/random/boot_id; then echo "$id"; else echo none; fi; }

end_lock_in_time() {
  read_lock
  [ -n "$holder" ] || return 0
  [ "$lock_boot" != "$(boot_id)" ] || [ "$(uptime)" -ge "${deadline:-0}" ] || return 0
  if [ "$fallback" = - ] || [ -d "releases/${fallback:--}" ]; then
    (point_current "$fallback" "lock.$$") || log "current could not be pointed to $fallback"
  fi
  log "the lock of $holder ended by itself; serving $(readlink current)"
  remove_lock
  read_lock
}

# The flag first: it is what visitors see.
remove_lock() { rm -f maintenance maintenance.json && sync . && rm -f .lockstep/lock && sync .lockstep || exit 1; }

# What visitors may know: since when (seconds since 1970), and how far it is. No round trip, no fsync, no rename: whoever reads half of it asks again.
tell() { # STEP
  (
    began=''
    [ ! -e maintenance ] || IFS=:, read -r _ began _ <maintenance.json
    case $began in '' | *[!0-9]*) began=$(date +%s) ;; esac
    echo "{\"began\":$began,\"step\":\"$1\"}" >maintenance.json
  ) 2>/dev/null || :
}

# A lock gives way to a newer daemon, and to a later deployment of the same one: tokens begin with its number.
yield_lock() {
  if [ -z "$holder" ] || [ "$holder" = "$1" ] || [ "$lock_epoch" -lt "$epoch" ]; then return 0; fi
  case ${holder%%-*}${1%%-*} in *[!0-9]*) refuse conflict "locked by $holder" ;; esac
  [ "${holder%%-*}" -lt "${1%%-*}" ] || refuse conflict "locked by $holder"
}

need_lock() {
  read_lock
  [ "$holder" = "$1" ] || refuse lock-lost "the lock is not held any more${holder:+; it belongs to $holder}"
}

lock() { # TOKEN SECONDS WAIT. Payload: the maintenance page. Waits at most WAIT seconds for bots: the daemon asks again.
  need_name "$1"
  enter
  read_lock
  if [ -z "$holder" ]; then
    find_current
    adopt_current
    fallback=$serving
  fi
  yield_lock "$1"
  cmp -s "$payload" maintenance.html || keep ./maintenance.html <"$payload" || exit 1
  write_lock "$1" "$2" "$fallback"
  start_watchdog
  tell lock
  [ -e maintenance ] || : >maintenance || exit 1
  sync . || exit 1
  leave
  exec 8>>.lockstep/bots
  flock -w "$3" 8 || answer '{"state":"waiting"}'
  exec 8>&-
  enter
  need_lock "$1"
  answer '{"state":"locked"}'
}

decide() { # TOKEN RELEASE SECONDS
  enter
  need_lock "$1"
  find_current
  is_servable "$2" || refuse not-found "there is no release $2 on this server"
  write_lock "$1" "$3" "$2"
  start_watchdog
  tell finish
  answer '{}'
}

unlock() { # TOKEN
  enter
  read_lock
  yield_lock "$1"
  remove_lock
  answer '{}'
}

start_watchdog() {
  (flock -n 7) 7>>.lockstep/watchdog || return 0 # It lives, and will see the new lock.
  detached watchdog "$PWD" 7>&- 9>&-
}

# A process that outlives the connection: a session of its own, and nothing open that leads back to the daemon.
detached() {
  if command -v setsid >/dev/null; then
    setsid sh "$0" "$@" </dev/null >/dev/null 2>&1 3>&- &
  else
    sh "$0" "$@" </dev/null >/dev/null 2>&1 3>&- &
  fi
}

watchdog() {
  trap '' HUP
  exec 7>>.lockstep/watchdog
  flock -n 7 || exit 0
  while sleep 1 7>&-; do
    read_lock
    [ "$holder" = '' ] || [ "$lock_boot" != "$(boot_id)" ] || [ "$(uptime)" -ge "${deadline:-0}" ] || continue
    exec 9>.lockstep/mutex
    flock 9
    (end_lock_in_time) 2>>.lockstep/log
    [ -e .lockstep/lock ] || break # Still under the mutex: whoever locks next will find no watchdog, and start one.
    leave
  done
  exec 7>&-
}
