#!/bin/sh
# run: one command of the configuration, at most once for an operation.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

run() { # RELEASE SECONDS VARIABLES. Payload: so many lines NAME=value, then the command. RELEASE `-`: in PATH itself.
  enter
  recall
  operation=.lockstep/operations/$op
  # Before the lock what is served may not be among the releases yet.
  [ "$1" = - ] || [ -d "releases/$1" ] || { find_current && [ "$serving" = "$1" ] && adopt_current; }
  [ "$1" = - ] || { is_name "$1" && [ -d "releases/$1" ]; } || refuse not-found "there is no release $1 on this server"
  exec 8>>.lockstep/run
  if flock -n 8; then
    recall # It may have ended this moment.
    [ ! -e "$operation/started" ] || refuse ambiguous 'the command was started, and nobody knows how it ended'
    rm -rf "$operation" && mkdir -p "$operation" && mkfifo "$operation/pipe" || exit 1
    head -n "$3" "$payload" >"$operation/environment" && tail -n "+$(($3 + 1))" "$payload" >"$operation/command" || exit 1
    head -c 65536 /dev/zero >"$operation/reserve" || exit 1 # Room for the result, should the command fill the disk.
    find_time
    keep_line "$operation/started" "$uptime" && flush .lockstep/operations || exit 1
    detached execute "$PWD" "$op" "$1" "$2"
    exec 8>&- # The command's process holds it now.
  elif [ ! -e "$operation/started" ]; then
    answer '{"state":"busy"}'
  fi
  leave
  # Whoever gets the lock here knows that the command has ended. The daemon asks again and again, and may ask for other things meanwhile.
  exec 8>>.lockstep/run
  flock -s -w 1 8 || answer '{"state":"running"}'
  recall
  refuse ambiguous 'the command was started, and nobody knows how it ended'
}

execute() { # In a process of its own; descriptor 8 holds .lockstep/run as long as it lives.
  trap '' HUP
  op=$1 operation=$PWD/.lockstep/operations/$1 directory=releases/$2 seconds=$3
  [ "$2" != - ] || directory=.
  set -- "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "HOME=${HOME:-/}" "LANG=C.UTF-8"
  while IFS= read -r variable; do set -- "$@" "$variable"; done <"$operation/environment"
  tail_of_output <"$operation/pipe" 8>&- &
  reader=$!
  find_time
  begun=$uptime
  (cd "$directory" && exec env -i "$@" timeout -k 5 "$seconds" sh "$operation/command") <"/dev/null" >"$operation/pipe" 2>&1 8>&-
  status=$?
  # timeout(1) answers 124, or 137 where it had to kill.
  find_time
  [ "$status" -ne 137 ] || [ $((uptime - begun)) -lt "$seconds" ] || status=124
  # What the command left running may keep the pipe open; its words are not waited for.
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    ! kill -0 "$reader" 2>/dev/null || sleep 0.1
  done
  rm -f "$operation/reserve"
  output=$(tail -c 16384 "$operation/output" | base64 -w 0)
  keep_line "$operation/answer" "{\"exit\":$status,\"output\":\"$output\"}" ||
    keep_line "$operation/answer" "{\"exit\":$status,\"output\":\"\"}"
  rm -f "$operation/pipe" "$operation/environment" "$operation/command" "$operation/output" "$operation/last"
}

# Keeps the end of what comes, and never lets the command wait. What comes first is on the disk at once, so that it is there even if
# something that the command left behind never closes the pipe; of a flood only the end is kept.
tail_of_output() {
  chunks=0
  while [ $chunks -lt 64 ] && counts=$(dd bs=65536 count=1 2>&1 >>"$operation/output"); do
    case $counts in '0+0 '*) return ;; esac
    chunks=$((chunks + 1))
  done
  tail -c 16384 >"$operation/last"
  cat "$operation/last" >>"$operation/output"
  cat >/dev/null # Should the disk be full.
}
