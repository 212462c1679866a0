#!/bin/sh
# store, expect, hand, unpack_stored: packs that come by another server of the zone, a relay, instead of from the daemon.
# .lockstep/packs/<sha256> is what `unpack` would read from the daemon: the lists, then the pack. Nothing is taken from there that does not have
# this hash, and a server takes nothing from a relay that the daemon has not announced to it, over its own connection, with its hash and length.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

# Keeps the payload, unless it is kept already. Without a payload it only asks. Of 0 BYTES: it is needed no more. With a RELEASE the payload is what
# differs from files that are here: their `./path`s, then the lists of the pack (gzip), and for the rest of it a patch (zstd).
store() { # HASH BYTES [RELEASE BYTES BYTES]
  open_packs "$1" "$2"
  if [ "$2" -eq 0 ]; then rm -f "$pack" && answer '{"state":"absent"}'; fi
  if [ -f "$pack" ]; then touch "$pack" && answer '{"state":"there"}'; fi
  [ "$size" -gt 0 ] || answer '{"state":"absent"}'
  [ -z "$3" ] || (rebuild "$3" "$4" "$5") || refuse mismatch "the pack could not be made of the patch and releases/$3"
  is_pack "$payload" "$1" "$2" || refuse mismatch 'what arrived is not what was sent'
  mv -T "$payload" "$pack" || exit 1
  answer '{"state":"stored"}'
}

# Makes the pack that `payload` is a patch for. Whatever lies in the release by now: what comes of it has the right hash, or is not taken.
rebuild() { # RELEASE BYTES BYTES
  is_name "$1" && is_sealed "$1" || exit 1
  exec 8<"$payload"
  head -c "$2" <&8 >"$session/files" && head -c "$3" <&8 >"$session/lists" && cat <&8 >"$session/patch" || exit 1
  (cd "releases/$1" && timeout 60 xargs -0 cat -- <"$session/files" | head -c 67108864 >"$session/reference") || exit 1
  { gzip -dc "$session/lists" && zstd -dqc --patch-from="$session/reference" <"$session/patch"; } 2>/dev/null >"$session/whole" && mv -T "$session/whole" "$payload"
  made=$?
  rm -f "$session/reference" "$session/patch" "$session/whole" "$session/lists" "$session/files"
  exit "$made"
}

# A relay will bring this pack, here, by .lockstep/take-pack: which is there for as long as this server belongs to a zone.
expect() { # HASH BYTES
  open_packs "$1" "$2"
  taker="exec sh \"\${0%/*}/${0##*/}\" take \"\${0%/*}/..\" \"\$@\""
  [ "$(cat .lockstep/take-pack 2>/dev/null)" = "$taker" ] || put .lockstep/take-pack "$taker" || exit 1
  [ ! -f "$pack" ] || answer '{"state":"there"}'
  put "$pack.expected" "$2" || exit 1
  answer '{"state":"expected"}'
}

# Gives a pack to another server; of 0 BYTES: only sees whether there is a way. Payload, a line each: the private key (or nothing), the command there, and all its host keys.
hand() { # HASH BYTES SECONDS HOST PORT USER ALIAS
  if [ "$2" -eq 0 ]; then pack=/dev/null; else open_packs "$1" "$2" && pack=$PWD/$pack; fi
  seconds=$3 host=$4 port=$5 user=$6 alias=$7 bytes=$2
  [ -e "$pack" ] || answer '{"state":"kept","message":"the pack is no longer here"}'
  command -v ssh >/dev/null || answer '{"state":"kept","message":"there is no ssh; install openssh-client"}'
  identity=$(sed -n 1p "$payload") there=$(sed -n 2p "$payload")
  cd "$session" && tail -n +3 "$payload" >known_hosts || exit 1
  # ssh_config(5). Nothing of the account's own configuration counts, as little as in the daemon's connections.
  set -- -F none -T -x -a -p "$port" -o "HostKeyAlias=$alias" -o UserKnownHostsFile=known_hosts -o GlobalKnownHostsFile=/dev/null \
    -o StrictHostKeyChecking=yes -o CheckHostIP=no -o UpdateHostKeys=no -o BatchMode=yes -o PreferredAuthentications=publickey \
    -o GSSAPIAuthentication=no -o ConnectTimeout=5 -o ServerAliveInterval=2 -o ServerAliveCountMax=2 -o ControlMaster=no -o ControlPath=none \
    -o ClearAllForwardings=yes -o PermitLocalCommand=no -o EscapeChar=none -o LogLevel=ERROR
  [ -z "$identity" ] || set -- "$@" -i "$identity" -o IdentitiesOnly=yes
  [ "$user" = - ] || set -- "$@" -l "$user"
  said=$(timeout -k 5 "$seconds" ssh "$@" -- "$host" "$there" 2>&1 >/dev/null <"$pack" 3>&-) && answer '{"state":"handed"}'
  # ssh(1) exits with what the command exited with, or with 255 if there was no way to it.
  case $? in
    124 | 137) said="it took longer than $seconds s" ;;
    255) ;;
    *) [ "$bytes" -gt 0 ] || answer '{"state":"handed"}' ;;
  esac
  answer "{\"state\":\"kept\",\"message\":$(quoted "$(printf '%s\n' "${said:-ssh failed}" | tail -n 1 | tr -d '\r')")}"
}

# As unpack, of a pack that a relay brought.
unpack_stored() { # HASH BYTES, then as unpack
  open_packs "$1" "$2"
  make_session && rm -f "$payload" || exit 1
  if ! is_sealed "$3"; then
    [ -f "$pack" ] || refuse not-found 'the pack that a relay should have brought is not here'
    # Some file systems forbid hard links.
    ln "$pack" "$payload" 2>/dev/null || cp "$pack" "$payload" || exit 1
    if ! is_pack "$payload" "$1" "$2"; then
      rm -f "$pack" "$payload"
      refuse not-found 'what a relay brought is not the pack that was announced'
    fi
  fi
  size=$2
  shift 2
  unpack "$@"
}

# The other end of `hand`: sshd starts it, for a relay's key. Two words, the hash and the length: as arguments, or, where the key is bound
# to this command (sshd(8), AUTHORIZED_KEYS FILE FORMAT), at the end of what the relay had asked for. Standard input: the pack.
take_pack() {
  if [ $# -eq 0 ]; then
    set -f
    # shellcheck disable=SC2086 # It is split here on purpose.
    set -- ${SSH_ORIGINAL_COMMAND:-}
    while [ $# -gt 2 ]; do shift; done
  fi
  is_pack_name "${1:-}" "${2:-}" || { echo 'no pack is named' >&2 && exit 1; }
  pack=.lockstep/packs/$1 new=.lockstep/packs/.new.$1 bytes=''
  [ ! -f "$pack" ] || exit 0
  [ ! -f "$pack.expected" ] || read -r bytes <"$pack.expected"
  [ "$bytes" = "$2" ] || { echo 'the daemon has not announced this pack here' >&2 && exit 1; }
  # One at a time: whatever a relay does, it takes the room of one pack.
  exec 9>>"$pack.expected"
  flock -w 10 9 || { echo 'another relay is bringing this pack' >&2 && exit 1; }
  [ ! -f "$pack" ] || exit 0
  trap 'rm -f "$new"' EXIT
  trap 'exit 1' HUP INT PIPE TERM
  (umask 077 && timeout $((30 + bytes / 100000)) head -c "$bytes" >"$new") || exit 1
  is_pack "$new" "$1" "$bytes" || { echo 'what came is not the pack that was announced' >&2 && exit 1; }
  mv -T "$new" "$pack"
}

# Sets `pack`. These verbs touch no release, so they do not wait for .lockstep/mutex; but a daemon that was replaced has no say here either.
open_packs() { # HASH BYTES
  is_pack_name "$1" "$2" || refuse refused "not a pack: $1 $2"
  known=0
  [ ! -s .lockstep/epoch ] || read -r known <.lockstep/epoch || exit 1
  [ "$epoch" -ge "$known" ] || refuse fenced "epoch $epoch is over: a daemon with epoch $known has taken this server over"
  pack=.lockstep/packs/$1
  [ -d .lockstep/packs ] || mkdir -m 700 .lockstep/packs || [ -d .lockstep/packs ] || exit 1
  # `collect` removes them at the end of a deployment. One that failed may be tried again soon, and find its pack here.
  find .lockstep/packs -mindepth 1 -mmin +60 -delete
}

is_pack_name() { # HASH BYTES
  case $1 in *[!0-9a-f]*) return 1 ;; esac
  case $2 in '' | *[!0-9]*) return 1 ;; esac
  [ ${#1} -eq 64 ] && [ ${#2} -le 15 ]
}

is_pack() { # FILE HASH BYTES
  [ "$(wc -c <"$1")" -eq "$3" ] && [ "$(sha256sum <"$1")" = "$2  -" ]
}
