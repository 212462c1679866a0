#!/bin/sh
# What all verbs share: names, the fence, files that are whole or not there.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

set -u
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/bin:/usr/bin:/bin
umask 022

# Names come from the daemon and become file names here.
is_name() {
  case $1 in '' | [-.]* | *[!A-Za-z0-9._-]*) return 1 ;; esac
  [ ${#1} -le 200 ]
}

need_name() { is_name "$1" || refuse refused "not a name: $1"; }

# Every verb starts here: one at a time, past the fence, and a lock whose time is over has ended before anything else is done. The lock
# that is in force has been read then.
enter() {
  take_mutex || refuse timeout 'another command has held .lockstep/mutex for 10 minutes'
  [ "$remembered" = "$epoch" ] || { pass_fence && finish_adoption; }
  end_lock_in_time
}

# Nothing for a daemon that was replaced (its epoch is older), and nothing for a request that a later one has overtaken (it was left behind by a
# broken connection).
pass_fence() {
  known=0
  [ ! -s .lockstep/epoch ] || read -r known <.lockstep/epoch || exit 1
  [ "$epoch" -ge "$known" ] || refuse fenced "epoch $epoch is over: a daemon with epoch $known has taken this server over (was a backup restored, or does another daemon run? see docs/servers.md)"
  [ "$epoch" -eq "$known" ] || keep_line .lockstep/epoch "$epoch" || exit 1
  last_epoch=0 last=0
  [ ! -s .lockstep/order ] || read -r last_epoch last <.lockstep/order
  [ "$last_epoch" != "$epoch" ] || [ "$seq" -ge "$last" ] || answer "{\"error\":\"overtaken\",\"message\":\"a later request was faster\",\"last\":$last}"
  # Not worth an fsync, and a full disk must not keep anybody from unlocking.
  note .lockstep/order "$epoch $seq" || :
}

# Standard input becomes the file $1, wholly or not at all, and stays there after a power cut.
keep() { cat >"$1.new.$$" && replace "$1"; } # FILE

keep_line() { printf '%s\n' "$2" >"$1.new.$$" && replace "$1"; } # FILE LINE

replace() { # FILE
  flush "$1.new.$$" && rename "$1.new.$$" "$1" && flush "${1%/*}" && return 0
  rm -f "$1.new.$$"
  return 1
}

# For what is to be received.
empty() { # FILES of the session
  for part in "$@"; do : >"$here/$part" || return 1; done
}

# A line becomes the file $1, wholly or not at all; whether it is there after a power cut is the caller's care.
put() { # FILE LINE
  printf '%s\n' "$2" >"$1.new.$$" && rename "$1.new.$$" "$1" && return 0
  rm -f "$1.new.$$"
  return 1
}

# Overwrites the first line of a file that is not worth an fsync; what was longer stays behind it. To truncate a file would be a reason for ext4 to
# begin writing it as soon as it is closed, see auto_da_alloc in ext4(5).
note() { echo "$2" 1<>"$1"; } # FILE LINE

is_sealed() { [ -d "releases/$1" ] && [ -f ".lockstep/releases/$1" ]; }

# May `current` point to it? Releases that were live when Lockstep came are recorded when it first switches away from them.
is_servable() { [ "$1" = - ] || is_sealed "$1" || { [ -d "releases/$1" ] && [ "$serving" = "$1" ]; }; }

# Was this operation done? Then its answer is given again.
recall() { [ ! -f ".lockstep/operations/$op/answer" ] || answer "$(cat ".lockstep/operations/$op/answer")"; }

log() { echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $*" >>.lockstep/log; }
