#!/bin/sh
# The agent: everything that Lockstep does on a server. It needs sh, coreutils, findutils, sed and flock; rsync only to receive files.
# The other files of this folder come first in the one file that servers get: one for each group of verbs; layout.sh knows which release is
# served, and how another one is.
#
#   agent serve PATH NONCE [HANDS]        answers the daemon on standard input and output, until standard input ends
#   agent watchdog PATH                   ends a lock whose time is over; lives while there is a lock
#   agent execute PATH OP RELEASE SECONDS runs one command of the configuration and records how it ended
#   agent take PATH [HASH BYTES]          takes a pack from a relay, on standard input
#
# The daemon asks in lines `<seq> <verb> <epoch> <op> <payload bytes> <arguments>`; of a payload exactly that many bytes follow, and a line `<seq>`.
# Each gets one line back: `@<nonce> <seq> <JSON>`. Whatever else is on the wire comes from login shells, and is skipped.
# Everything below .lockstep is the agent's own:
#   mutex       held (flock) by the verb that is changing something        epoch    the newest daemon that was ever here
#   keeper      the agent that keeps it between the verbs of a cutover     order    EPOCH SEQ of the newest request that acted
#   lock        TOKEN EPOCH BOOT DEADLINE FALLBACK of the lock in force: the last line that is whole
#   releases/   one record for each sealed release: its artifact's id,     run      held while a command runs
#               its revision, the hash of its tree                         bots     held (shared) by with-lock while a bot runs
#   manifests/  the hashes of each release's files, for sha256sum -c       watchdog held by the watchdog while it lives
#               (.changes.* there: what `unpack` knows of them; `collect` makes the list of it)
#   files/      files from outside, by release: its links lead there
#   operations/ what `switch` and `run` did, by operation id
#   incoming/   uploads                                                    next/    a clone of the release that is served, made ahead
#   packs/      packs that relays keep or bring, by their hash             take-pack starts `agent take`, for the keys of relays
#   saved/      files that were changed by hand in a release, set aside before a deployment
#   placed      what hello brought last: its name                          ready    the lock that everything is prepared for
#   serving     the release that was served last; a guess that saves work  version.*  of a program: where it is, and its version
#   sound       the release in next/: as old as the last look at it that found it right
#   layout      A, B, configuration, test, reload; not there: `current` is all    site     a change of that configuration that is not over
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

serve() {
  nonce=$2
  here=.lockstep/session.$$ # The hands know paths from PATH only.
  session=$PWD/$here
  payload=$session/payload
  mutex='' in_place='' looker='' looked=''
  find_time # All verbs know by it which start of the machine this is.
  said=$(prepare 2>&1) || { printf '\n@%s failed %s\n' "$nonce" "$said" && exit 1; }
  [ -n "$has_hands" ] || begin_with_hands "$1" "$2"
  exec 3>&1 >/dev/null
  trap 'exit 1' HUP INT PIPE TERM
  trap '[ ! -d "$session" ] || rm -rf "$session"' EXIT
  printf '\n@%s ready\n' "$nonce" >&3
  while read -r seq verb epoch op size one two three four five six; do
    for number in "$seq" "$epoch" "$size"; do
      case $number in '' | *[!0-9]*) exit 1 ;; esac
    done
    received=''
    if [ "$size" -gt 0 ] && ! take_payload; then
      failed "$said"
      exit 1 # The next line cannot be found any more.
    fi
    share_mutex
    ! act_in_place || continue
    remembered=''
    case $verb in unpack*) await_look ;; *) looked='' ;; esac
    said=$(act 2>&1 >/dev/null)
    status=$?
    case $status in 0 | 4) ;; *) failed "$said" $status ;; esac
    keep_mutex $status
    case $verb$four in
      helloclone | look) look_ahead ;;
      provide*) rm -f "$payload" ;;
    esac
  done
}

# What every verb relies on. The first thing missing is named on standard error. What this agent has found once it does not look for again.
prepare() {
  if [ -e "$0.ready" ] && [ -d releases ] && [ -d shared ] && [ -d .lockstep/releases ] && [ -d .lockstep/manifests ] && [ -d .lockstep/files ] &&
    [ -d .lockstep/incoming ] && [ -d .lockstep/operations ] && [ -e .lockstep/bots ]; then return 0; fi
  for tool in flock find xargs grep sed sha256sum sort stat timeout base64 mkfifo realpath; do
    command -v "$tool" >/dev/null || { echo "there is no $tool on this server; install coreutils, findutils, sed and util-linux" && exit 1; }
  done
  find . -maxdepth 0 -printf '' 2>/dev/null || { echo 'find lacks -printf; install GNU findutils' && exit 1; }
  mkdir -p releases shared .lockstep/releases .lockstep/manifests .lockstep/files .lockstep/incoming || exit 1
  [ -d .lockstep/operations ] || mkdir -m 700 .lockstep/operations || [ -d .lockstep/operations ] || exit 1
  [ -e .lockstep/bots ] || : >.lockstep/bots || exit 1
  find_hands >"$0.ready"
}

# False: `said` tells why not.
take_payload() {
  said=''
  [ -d "$session" ] || said=$(make_session 2>&1) || return 1
  [ ! -e "$payload" ] || remove "$here/payload"
  if [ "$has_hands" != hands ]; then
    said=$(umask 077 && head -c "$size" 2>&1 >"$payload") || return 1
  elif [ "$verb" = unpack ]; then
    # shellcheck disable=SC2086 # Several words.
    receive_parts $six || return 1
  elif [ "$verb" = hello ]; then
    receive_files "$one" "$two" || return 1
  else
    receive "$size" "$here/payload" || return 1
  fi
  read -r end && [ "$end" = "$seq" ]
}

# A place for what only the present conversation needs.
make_session() { [ -d "$session" ] || hands directory "$here" || mkdir -m 700 "$session"; }

act() {
  [ "$op" = - ] || is_name "$op" || refuse refused "not an operation id: $op"
  # shellcheck disable=SC2086 # The last one holds several words.
  case $verb in
    hello) hello "$one" "$two" "$three" "$four" ;;
    look) answer '{}' ;; # That is, look_ahead begins.
    inspect) inspect "$one" ;;
    tree) tree "$one" ;;
    compare) compare_with "$one" "$two" "$three" ;;
    save) save "$one" "$two" ;;
    examine) examine ;;
    stage) stage "$one" "$two" "$three" "$four" ;;
    unpack) unpack "$one" "$two" "$three" "$four" "$five" $six ;;
    store) store "$one" "$two" "$three" "$four" "$five" ;;
    expect) expect "$one" "$two" ;;
    hand) hand "$one" "$two" "$three" "$four" "$five" $six ;;
    unpack-stored) unpack_stored "$one" "$two" "$three" "$four" "$five" $six ;;
    separate) separate "$one" ;;
    discard) discard "$one" ;;
    seal) seal "$one" "$two" "$three" "$four" "$five" "$six" ;;
    provide) provide "$one" "$two" ;;
    provided) provided "$one" ;;
    seed) seed "$one" ;;
    verify) verify "$one" "$two" "$three" ;;
    preview) preview "$one" ;;
    ready) ready "$one" "$two" "$three" ;;
    lock) lock "$one" "$two" "$three" "$four" ;;
    decide) decide "$one" "$two" "$three" "$four" ;;
    switch) switch "$one" "$two" ;;
    unlock) unlock "$one" ;;
    run) run "$one" "$two" "$three" ;;
    collect) collect "$one" ;;
    *) refuse refused "not a verb: $verb" ;;
  esac
}

# Answers, and ends the verb: it runs in a subshell of its own, so all its locks are released here.
answer() { # JSON [STATUS]. 4: the mutex is to be kept, see mutex.sh.
  say "$1"
  exit "${2:-0}"
}

say() { [ -z "${nonce:-}" ] || printf '@%s %s %s\n' "$nonce" "$seq" "$1" >&3; } # JSON

refuse() { answer "{\"error\":\"$1\",\"message\":$(quoted "$2")}"; }

# A command of the verb failed: its last word becomes the message.
failed() { # MESSAGE [STATUS]. 3: a command of the configuration said no.
  case ${2:-1} in 3) code="command" ;; *) code=refused ;; esac
  message=$(printf '%s\n' "$1" | tail -n 1)
  case $1 in
    *'No space left on device'* | *'uota exceeded'* | *'Read-only file system'* | *'Input/output error'*)
      code=disk
      message="$message ($(df -P . 2>&1 | tail -n 1))"
      ;;
  esac
  (refuse "$code" "$message")
}

quoted() {
  case $1 in
    *[!A-Za-z0-9._/:\ -]*) printf '"%s"' "$(printf %s "$1" | tr '\000-\037\177' ' ' | head -c 600 | sed 's/[\\"]/\\&/g')" ;;
    *) printf '"%s"' "$1" ;;
  esac
}

mode=$1
cd -- "$2" || exit 1
case $mode in
  serve) serve "$2" "$3" ;;
  execute) execute "$3" "$4" "$5" ;;
  take) shift 2 && take_pack "$@" ;;
esac
exit
