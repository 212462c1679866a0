#!/bin/sh
# lock, decide, unlock, and the watchdog.
# These bring about a state, so that a repeated request finds it brought about; they need no record of the operation.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

# Sets holder, lock_epoch, lock_boot, deadline, fallback; an empty holder: unlocked. Lines are added in one write; one that is not whole (the disk
# was full) lacks its dot, and what was before it holds.
read_lock() {
  holder='' lock_epoch=0 lock_boot='' deadline=0 fallback=''
  [ -f .lockstep/lock ] || return 0
  holder=unreadable
  while read -r token token_epoch token_boot token_deadline token_fallback dot; do
    [ "$dot" != . ] || holder=$token lock_epoch=$token_epoch lock_boot=$token_boot deadline=$token_deadline fallback=$token_fallback
  done <.lockstep/lock
}

# Takes the place of what was there.
write_lock() { # TOKEN SECONDS FALLBACK
  set_lock "$@" && put .lockstep/lock "$line" || exit 1
}

# Is added to it, without a process: the empty line ends one that is not whole.
add_lock() { # TOKEN SECONDS FALLBACK
  set_lock "$@" && printf '\n%s\n' "$line" >>.lockstep/lock || exit 1
}

# Sets what read_lock sets, and `line`, which says it.
set_lock() { # TOKEN SECONDS FALLBACK
  find_time
  holder=$1 lock_epoch=$epoch lock_boot=$boot deadline=$((uptime + $2)) fallback=$3
  line="$holder $lock_epoch $lock_boot $deadline $fallback ."
}

boot=''

# Sets `uptime` (the server's own clock: seconds since it started; nobody can set it) and `boot`, which names that start.
find_time() {
  { [ -r /proc/uptime ] && read -r uptime _ </proc/uptime; } || uptime=$(date +%s)
  uptime=${uptime%.*}
  [ -n "$boot" ] || read -r boot 2>/dev/null </proc/sys/kernel/random/boot_id || boot=none
}

is_over() { # The lock that was read.
  find_time
  [ "$lock_boot" != "$boot" ] || [ "$uptime" -ge "${deadline:-0}" ]
}

end_lock_in_time() {
  [ -n "$remembered" ] || read_lock
  [ -n "$holder" ] && is_over || return 0
  if [ "$fallback" = - ] || [ -d "releases/${fallback:--}" ]; then
    (point_current "$fallback" "lock.$$" && flush .) || log "current could not be pointed to $fallback"
  fi
  log "the lock of $holder ended by itself; serving $(readlink current)"
  remove_lock
  flush . .lockstep || exit 1
  read_lock
}

# The flag first: it is what visitors see.
remove_lock() { remove maintenance maintenance.json .lockstep/lock .lockstep/ready || exit 1; }

# What visitors may know: since when (seconds since 1970), and how far it is. No round trip, no fsync, no rename: whoever reads half of it asks again.
tell() { # STEP, NOW: by the daemon's clock, for who does not know when it began
  [ -n "$remembered" ] || began=''
  [ -n "$began" ] || [ ! -e maintenance ] || { IFS=:, read -r _ began _ <maintenance.json; } 2>/dev/null || :
  case $began in '' | *[!0-9]*) began=${2:-} ;; esac
  # Spaces, so that no more than some of these stay behind a shorter step.
  [ -z "$began" ] || note maintenance.json "{\"began\":$began,\"step\":\"$1\"}          " || :
}

# A lock gives way to a newer daemon, and to a later deployment of the same one: tokens begin with its number.
yield_lock() {
  if [ -z "$holder" ] || [ "$holder" = "$1" ] || [ "$lock_epoch" -lt "$epoch" ]; then return 0; fi
  case ${holder%%-*}${1%%-*} in *[!0-9]*) refuse conflict "locked by $holder" ;; esac
  [ "${holder%%-*}" -lt "${1%%-*}" ] || refuse conflict "locked by $holder"
}

need_lock() {
  [ "$holder" = "$1" ] || refuse lock-lost "the lock is not held any more${holder:+; it belongs to $holder}"
}

# What the cutover needs is made before it, where nobody waits for it: so it is only renames then.
# REST `brief`: nothing but lock, switch and decide comes before unlock.
# The maintenance page is there already: `hello` has brought it.
ready() { # TOKEN RELEASE REST. RELEASE `-`: none.
  need_name "$1"
  [ "$2" = - ] || need_name "$2"
  enter
  prepare_cutover "$1" "$2"
  answer_ready "$3" '{}'
}

prepare_cutover() { # TOKEN RELEASE
  if [ "$2" = - ]; then remove .current.ready; else point "releases/$2" .current.ready; fi || exit 1
  # Whoever reads half of it finds that nothing is ready.
  echo "$1" >.lockstep/ready || exit 1
  start_watchdog
}

# Payload: the maintenance page, unless all is ready. Waits at most WAIT seconds for bots: the daemon asks again.
lock() { # TOKEN SECONDS WAIT NOW
  need_name "$1"
  enter
  if [ "$size" -eq 0 ]; then
    prepared=''
    [ ! -f .lockstep/ready ] || read -r prepared <.lockstep/ready
    [ "$prepared" = "$1" ] || answer '{"state":"unready"}'
  fi
  if [ -z "$holder" ]; then
    find_current
    adopt_current
    fallback=$serving
  fi
  yield_lock "$1"
  [ "$size" -eq 0 ] || cmp -s "$payload" maintenance.html || keep ./maintenance.html <"$payload" || exit 1
  if [ -z "$holder" ]; then add_lock "$1" "$2" "$fallback"; else write_lock "$1" "$2" "$fallback"; fi
  # What has prepared the cutover has seen to that, a moment ago.
  if [ "$mutex" != kept ] || [ "$size" -gt 0 ]; then start_watchdog; fi
  tell lock "$4"
  [ -e maintenance ] || : >maintenance || exit 1
  if is_free .lockstep/bots; then
    conclude '{"state":"locked"}'
    return 0
  fi
  [ -z "$in_place" ] || return 1
  exec 8>>.lockstep/bots
  ! flock -n 8 || conclude '{"state":"locked"}'
  leave
  flock -w "$3" 8 || answer '{"state":"waiting"}'
  exec 8>&-
  enter
  need_lock "$1"
  answer '{"state":"locked"}'
}

decide() { # TOKEN RELEASE SECONDS SYNC. SYNC `now`: what follows cannot be undone, so it waits until the decision survives a power cut.
  enter
  need_lock "$1"
  find_current
  is_servable "$2" || refuse not-found "there is no release $2 on this server"
  add_lock "$1" "$3" "$2"
  start_watchdog
  tell finish
  [ "$4" != now ] || flush .lockstep/lock .lockstep . || exit 1
  conclude '{}'
}

unlock() { # TOKEN
  enter
  yield_lock "$1"
  remove_lock
  conclude '{}' 0
}

start_watchdog() {
  # One that lives although that cannot be told holds the file: the new one ends, and the old one sees the new lock.
  watch || lives .lockstep/watchdog || detached watchdog "$PWD"
}

# A process that outlives the connection: a session of its own, and nothing open that leads back to the daemon.
detached() {
  if command -v setsid >/dev/null; then
    setsid sh "$0" "$@" </dev/null >/dev/null 2>&1 3>&- 5>&- 6>&- 7>&- 9>&- &
  else
    sh "$0" "$@" </dev/null >/dev/null 2>&1 3>&- 5>&- 6>&- 7>&- 9>&- &
  fi
}

watchdog() { # [`begun`: there has been a lock for some seconds.]
  trap '' HUP
  exec 7>>.lockstep/watchdog
  flock -n 7 || exit 0
  find_time
  ! find_birth $$ || echo "$$ $boot $born" >.lockstep/watchdog
  waits=3600 # So many seconds a lock may be announced before it comes.
  durable=none mutex=''
  while { [ "${1:-}" = begun ] && shift; } || sleep 1 7>&-; do
    read_lock
    # The cutover waits for no disk: what it has brought about is made durable here.
    [ "$holder $deadline $fallback" = "$durable" ] || sync . .lockstep .lockstep/lock 2>/dev/null
    durable="$holder $deadline $fallback"
    if [ -z "$holder" ] && [ -e .lockstep/ready ] && [ $((waits -= 1)) -gt 0 ]; then continue; fi
    [ -z "$holder" ] || is_over || continue
    take_mutex || continue
    (end_lock_in_time) 2>>.lockstep/log
    # Still under the mutex: whoever locks next will find no watchdog, and start one.
    if [ ! -e .lockstep/lock ] && { [ ! -e .lockstep/ready ] || [ "$waits" -le 0 ]; }; then
      : >.lockstep/watchdog
      break
    fi
    leave
  done
  exec 7>&-
}

# It is started for every cutover, and needs nothing of what follows: it does not even read it.
if [ "$1" = watchdog ]; then
  cd -- "$2" && watchdog "${3:-}"
  exit
fi
