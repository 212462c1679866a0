#!/bin/sh
# The agent: everything that Lockstep does on a server. It needs sh, coreutils, findutils, sed and flock; rsync only to receive files.
# layout.sh comes first in the file that servers get: it knows which release is served, and how another one is.
#
#   agent serve PATH NONCE                answers the daemon on standard input and output, until standard input ends
#   agent watchdog PATH                   ends a lock whose time is over; lives while there is a lock
#   agent execute PATH OP RELEASE SECONDS runs one command of the configuration and records how it ended
#
# The daemon asks in lines `<seq> <verb> <epoch> <op> <payload bytes> <arguments>`, each followed by exactly that many bytes.
# Each gets one line back: `@<nonce> <seq> <JSON>`. Whatever else is on the wire comes from login shells, and is skipped.
# Everything below .lockstep is the agent's own:
#   mutex       held (flock) by the verb that is changing something        epoch    the newest daemon that was ever here
#   lock        TOKEN EPOCH BOOT DEADLINE FALLBACK of the lock in force    order    EPOCH SEQ of the newest request that acted
#   releases/   one record for each sealed release: its artifact's id,     run      held while a command runs
#               then its revision                                          bots     held (shared) by with-lock while a bot runs
#   manifests/  the hashes of each release's files, for sha256sum -c       watchdog held by the watchdog while it lives
#   files/      files from outside, by release: its links lead there
#   operations/ what `switch` and `run` did, by operation id
#   incoming/   uploads
#   saved/      files that were changed by hand in a release, set aside before a deployment
#   layout      A, B, configuration, test, reload; not there: `current` is all    site     a change of that configuration that is not over
# shellcheck disable=SC2154 # layout.sh sets serving, shown and idle.

set -u
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/bin:/usr/bin:/bin
umask 022

# --- The conversation ---------------------------------------------------------------------------------------------------------------

serve() {
  nonce=$2
  session=$PWD/.lockstep/session.$$
  payload=$session/payload
  exec 3>&1 >/dev/null
  trap 'exit 1' HUP INT PIPE TERM
  trap 'rm -rf "$session"' EXIT
  said=$(prepare 2>&1) || { printf '\n@%s failed %s\n' "$nonce" "$said" >&3 && exit 1; }
  printf '\n@%s ready\n' "$nonce" >&3
  while read -r seq verb epoch op size one two three four five six; do
    for number in "$seq" "$epoch" "$size"; do
      case $number in '' | *[!0-9]*) exit 1 ;; esac
    done
    if ! said=$(take_payload 2>&1); then
      failed "$said"
      exit 1 # The next line cannot be found any more.
    fi
    said=$(act 2>&1 >/dev/null) || failed "$said"
    [ "$verb" != provide ] || rm -f "$payload"
  done
}

# What every verb relies on. The first thing missing is named on standard error.
prepare() {
  for tool in flock find xargs grep sed sha256sum sort stat timeout base64 mkfifo realpath; do
    command -v "$tool" >/dev/null || { echo "there is no $tool on this server; install coreutils, findutils, sed and util-linux" && exit 1; }
  done
  find . -maxdepth 0 -printf '' 2>/dev/null || { echo 'find lacks -printf; install GNU findutils' && exit 1; }
  mkdir -p releases shared .lockstep/releases .lockstep/manifests .lockstep/files .lockstep/incoming || exit 1
  [ -d .lockstep/operations ] || mkdir -m 700 .lockstep/operations || [ -d .lockstep/operations ] || exit 1
  [ -e .lockstep/bots ] || : >.lockstep/bots
}

take_payload() {
  [ "$size" -gt 0 ] || return 0
  make_session || return 1
  rm -f "$payload"
  (umask 077 && head -c "$size" >"$payload") && [ "$(wc -c <"$payload")" -eq "$size" ]
}

# A place for what only the present conversation needs.
make_session() { [ -d "$session" ] || mkdir -m 700 "$session"; }

act() {
  [ "$op" = - ] || is_name "$op" || refuse refused "not an operation id: $op"
  case $verb in
    hello) hello "$one" "$two" ;;
    inspect) inspect "$one" ;;
    compare) compare_with "$one" "$two" "$three" ;;
    save) save "$one" "$two" ;;
    examine) examine ;;
    stage) stage "$one" "$two" "$three" "$four" ;;
    separate) separate "$one" ;;
    discard) discard "$one" ;;
    seal) seal "$one" "$two" "$three" "$four" "$five" "$six" ;;
    provide) provide "$one" "$two" ;;
    provided) provided "$one" ;;
    seed) seed "$one" ;;
    verify) verify "$one" "$two" "$three" ;;
    preview) preview "$one" ;;
    lock) lock "$one" "$two" "$three" ;;
    decide) decide "$one" "$two" "$three" ;;
    switch) switch "$one" "$two" ;;
    unlock) unlock "$one" ;;
    run) run "$one" "$two" "$three" ;;
    collect) collect ;;
    *) refuse refused "not a verb: $verb" ;;
  esac
}

# Answers, and ends the verb: it runs in a subshell of its own, so all its locks are released here.
answer() {
  [ -z "${nonce:-}" ] || printf '@%s %s %s\n' "$nonce" "$seq" "$1" >&3
  exit 0
}

refuse() { answer "{\"error\":\"$1\",\"message\":$(quoted "$2")}"; }

# A command of the verb failed: its last word becomes the message.
failed() { # After exit status 3 of the verb: a command of the configuration said no.
  case $? in 3) code="command" ;; *) code=refused ;; esac
  message=$(printf '%s\n' "$1" | tail -n 1)
  case $1 in
    *'No space left on device'* | *'uota exceeded'* | *'Read-only file system'* | *'Input/output error'*)
      code=disk
      message="$message ($(df -P . 2>&1 | tail -n 1))"
      ;;
  esac
  (refuse "$code" "$message")
}

quoted() { printf '"%s"' "$(printf %s "$1" | tr '\000-\037\177' ' ' | head -c 600 | sed 's/[\\"]/\\&/g')"; }

# --- What all verbs share -----------------------------------------------------------------------------------------------------------

# Names come from the daemon and become file names here.
is_name() {
  case $1 in '' | [-.]* | *[!A-Za-z0-9._-]*) return 1 ;; esac
  [ ${#1} -le 200 ]
}

need_name() { is_name "$1" || refuse refused "not a name: $1"; }

# Every verb starts here: one at a time; nothing for a daemon that was replaced (its epoch is older); nothing for a request that a later
# one has overtaken (it was left behind by a broken connection); and a lock whose time is over has ended before anything else is done.
enter() {
  exec 9>.lockstep/mutex
  flock -w 600 9 || refuse timeout 'another command has held .lockstep/mutex for 10 minutes'
  known=0
  [ ! -s .lockstep/epoch ] || read -r known <.lockstep/epoch || exit 1
  [ "$epoch" -ge "$known" ] || refuse fenced "epoch $epoch is over: a daemon with epoch $known has taken this server over (was a backup restored, or does another daemon run? see docs/servers.md)"
  [ "$epoch" -eq "$known" ] || echo "$epoch" | keep .lockstep/epoch || exit 1
  last_epoch=0 last=0
  [ ! -s .lockstep/order ] || read -r last_epoch last <.lockstep/order
  [ "$last_epoch" != "$epoch" ] || [ "$seq" -ge "$last" ] || answer "{\"error\":\"overtaken\",\"message\":\"a later request was faster\",\"last\":$last}"
  # Not worth an fsync, and a full disk must not keep anybody from unlocking.
  (echo "$epoch $seq" >.lockstep/order) 2>/dev/null
  finish_adoption
  end_lock_in_time
}

leave() { exec 9>&-; }

# Standard input becomes the file $1, wholly or not at all, and stays there after a power cut.
keep() {
  cat >"$1.new.$$" && sync "$1.new.$$" && mv -T "$1.new.$$" "$1" && sync "${1%/*}" && return 0
  rm -f "$1.new.$$"
  return 1
}

is_sealed() { [ -d "releases/$1" ] && [ -f ".lockstep/releases/$1" ]; }

# May `current` point to it? Releases that were live when Lockstep came are recorded when it first switches away from them.
is_servable() { [ "$1" = - ] || is_sealed "$1" || { [ -d "releases/$1" ] && [ "$serving" = "$1" ]; }; }

# Was this operation done? Then its answer is given again.
recall() { [ ! -f ".lockstep/operations/$op/answer" ] || answer "$(cat ".lockstep/operations/$op/answer")"; }

log() { echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $*" >>.lockstep/log; }

# --- hello --------------------------------------------------------------------------------------------------------------------------

hello() { # BYTES LOOK. Payload: the with-lock script, so many bytes long; then the layout. LOOK: `tree` or nothing. Epoch 0 only looks: nobody is
  # replaced, nothing is changed.
  [ "$epoch" -eq 0 ] || enter
  head -c "$1" "$payload" >"$session/with-lock" && tail -c "+$(($1 + 1))" "$payload" >"$session/layout" || exit 1
  layout=$session/layout
  find_current
  check_adoptable
  if [ "$epoch" -gt 0 ]; then
    cmp -s "$session/with-lock" .lockstep/with-lock || { keep .lockstep/with-lock <"$session/with-lock" && chmod 755 .lockstep/with-lock; } || exit 1
    if [ ! -s "$layout" ]; then rm -f .lockstep/layout; else cmp -s "$layout" .lockstep/layout || keep .lockstep/layout <"$layout"; fi || exit 1
  fi
  revision=-
  if [ "$serving" != - ] && [ -f "$shown/REVISION" ] && ! { is_sealed "$serving" && grep -qvx taken-over ".lockstep/releases/$serving"; }; then
    revision=$(head -n 1 "$shown/REVISION" | tr -d '\r' | grep -xE '[0-9a-f]{40}|[0-9a-f]{64}|r?[0-9]{1,9}')
  fi
  read_lock
  sealed='' adopted=''
  for record in .lockstep/releases/*; do
    release=${record##*/}
    if ! is_name "$release" || ! is_sealed "$release"; then continue; fi
    read -r artifact <"$record"
    case $artifact in # `taken-over`: served, but never verified.
      taken-over) adopted="$adopted${adopted:+,}\"$release\"" && continue ;;
      '' | *[!0-9a-f]*) continue ;;
    esac
    sealed="$sealed${sealed:+,}[\"$release\",\"$artifact\"]"
    [ ${#sealed} -lt 48000 ] || break
  done
  find_space
  find_rsync
  leave # What follows only reads, and may take a moment.
  tree=-
  if [ "$2" = tree ] && [ "$serving" != - ] && [ -d "releases/$serving" ]; then tree=$(tree_within 10 "releases/$serving"); fi
  answer "{\"current\":$(null_or "$serving"),\"sealed\":[$sealed],\"adopted\":[$adopted],\"lock\":$(null_or "${holder:--}"),\"revision\":$(null_or "${revision:--}"),\"freeBytes\":$free,\"freeInodes\":$inodes,\"rsync\":$(null_or "$rsync"),\"tree\":$(null_or "$tree")}"
}

# Sets `free` (bytes) and `inodes`.
find_space() {
  space=$(stat -f -c '%a %S %d %c' .) || exit 1
  read -r blocks block_size inodes all_inodes <<-end
	$space
	end
  free=$((blocks * block_size))
  [ "$all_inodes" -gt 0 ] || inodes=1000000000 # File systems without a fixed number of inodes.
}

# Sets `rsync` to its version; `-`: there is none.
find_rsync() {
  rsync=$(rsync --version 2>/dev/null | head -n 1 | tr -cd 'a-z0-9. ' | sed -n 's/^[a-z]*  *version  *\([0-9.]*\).*/\1/p')
  rsync=${rsync:--}
}

null_or() { if [ "$1" = - ]; then echo null; else quoted "$1"; fi; }

# --- stage, separate, seal, seed ----------------------------------------------------------------------------------------------------------
# A clone shares its files with the release it was made from. So nothing in it is ever written, touched or chmodded: paths are only
# unlinked, and rsync puts new files in their place.

stage() { # RELEASE ARTIFACT BASE UNLINKED-BYTES. Payload: `./path`s to unlink; then of each link `./path`, its place here, target, kind.
  need_name "$1"
  enter
  refuse_sealed "$1" "$2" '{"state":"sealed"}'
  find_current
  [ "$serving" != "$1" ] || refuse conflict "current points to releases/$1, which did not come from Lockstep"
  incoming=.lockstep/incoming/$1
  rm -rf ".lockstep/releases/$1" "$incoming" || exit 1
  if [ -e "releases/$1" ]; then # Half a release: nobody sealed it.
    log "releases/$1 was not sealed; removed"
    rm -rf ".lockstep/incoming/.half.$1" || exit 1
    mv -T "releases/$1" ".lockstep/incoming/.half.$1" && rm -rf ".lockstep/incoming/.half.$1" || exit 1
  fi
  # Without a base that can be used everything is missing in the upload: `seal` says so, and the daemon repairs it.
  if ! { is_name "$3" && is_sealed "$3" && clone "$3" "$4"; }; then
    rm -rf "$incoming" && mkdir "$incoming" || exit 1
  fi
  [ "$size" -eq "$4" ] || links "$4"
  answer '{"state":"staged"}'
}

refuse_sealed() { # RELEASE ARTIFACT ANSWER: what to do with a release that is there already.
  is_sealed "$1" || return 0
  read -r artifact <".lockstep/releases/$1"
  [ "$artifact" != "$2" ] || answer "$3"
  refuse conflict "releases/$1 is there already, with another content"
}

clone() {
  if ! said=$(cp -al "releases/$1" "$incoming" 2>&1); then
    rm -rf "$incoming"
    case $said in *'No space left on device'* | *'uota exceeded'*) printf '%s\n' "$said" >&2 && exit 1 ;; esac
    cp -a "releases/$1" "$incoming" || exit 1 # The file system or the kernel forbids these hard links.
  fi
  [ ! -d ".lockstep/files/$1" ] || (cd "$incoming" && unlink_files "$1") || exit 1
  [ "$2" -gt 0 ] || return 0
  (
    cd "$incoming" && head -c "$2" "$payload" >"$session/unlinked" || exit 1
    # A directory that is a link here (somebody replaced it, or it was shared then) would lead `rm` out of the clone.
    xargs -0 dirname -z -- <"$session/unlinked" | sort -zu >"$session/parents"
    xargs -0 realpath -zm -- <"$session/parents" >"$session/physical"
    xargs -0 realpath -zms -- <"$session/parents" | cmp -s - "$session/physical" || exit 1
    xargs -0 rm -rf -- <"$session/unlinked"
  )
}

# Links that lead to the files of the base, and directories that were there for them only.
unlink_files() { # BASE
  make_session && find . -type l -lname "*/.lockstep/files/$1/*" -printf '%h\0' -delete >"$session/around" || return 1
  sort -zu "$session/around" | sed -z 's/^\.\/*//; /^$/d' | xargs -0 -r rmdir -p --ignore-fail-on-non-empty -- 2>/dev/null
  return 0
}

links() {
  tail -c "+$(($1 + 1))" "$payload" >"$session/links" || exit 1
  # shellcheck disable=SC2016 # The inner shell expands these.
  incoming=$incoming xargs -0 -n 4 sh -c '
    case $4 in directory) mkdir -p -- "$2" ;; *) mkdir -p -- "${2%/*}" ;; esac || exit 1
    cd "$incoming" && mkdir -p -- "${1%/*}" && ln -s -- "$3" "$1"
  ' link <"$session/links" || exit 1
}

# Before a repair, every file gets an inode of its own: rsync may then correct modes and times in place.
separate() { # RELEASE
  need_name "$1"
  enter
  copy=.lockstep/incoming/.copy.$1
  [ -d ".lockstep/incoming/$1" ] || refuse mismatch "there is no upload of $1 to repair"
  rm -rf "$copy" || exit 1
  cp -a ".lockstep/incoming/$1" "$copy" || { rm -rf "$copy" && exit 1; }
  rm -rf ".lockstep/incoming/$1" && mv -T "$copy" ".lockstep/incoming/$1" || exit 1
  answer '{}'
}

# A failed upload must not take room from the live application.
discard() { # RELEASE
  need_name "$1"
  enter
  rm -rf ".lockstep/incoming/$1" || exit 1
  answer '{}'
}

seal() { # RELEASE ARTIFACT CONTENT TREE BASE REVISION. Payload: `./path` of the files whose content is compared.
  need_name "$1"
  enter
  refuse_sealed "$1" "$2" '{}'
  [ -d ".lockstep/incoming/$1" ] || refuse mismatch "there is no upload of $1"
  cd ".lockstep/incoming/$1" || exit 1
  compare "$3" "$4"
  [ -z "$wrong" ] || refuse mismatch "$wrong"
  cd "$OLDPWD" || exit 1
  sync -f ".lockstep/incoming/$1" || exit 1
  sums "$1" "$5" | keep ".lockstep/manifests/$1" || exit 1
  printf '%s\n' "$2" "$6" | keep ".lockstep/releases/$1" || exit 1
  mv -T ".lockstep/incoming/$1" "releases/$1" && sync releases .lockstep/incoming || exit 1
  answer '{}'
}

# The hashes of all files of an upload as `sha256sum -c` reads them, although only what was sent has been read: those of the other files are in
# the base's list. A file's own line comes before that of the base and before the filler; of each path that is there the first line is kept.
sums() { # RELEASE BASE
  incoming=.lockstep/incoming/$1
  filler=..................................................................
  {
    [ "$size" -eq 0 ] || lines <"$session/sums"
    if [ -f ".lockstep/manifests/$2" ]; then
      cat ".lockstep/manifests/$2"
    elif [ "$2" != - ]; then # A base from before there were such lists.
      (cd "$incoming" && find . -type f -print0 | xargs -0 sha256sum -z -- | sed -z 's/  \.\//  /') | lines
    fi
    find "$incoming" -type f -printf "$filler%P\\0" | lines
  } | sort -s -t "$(printf '\001')" -k 1.67 | uniq -s 66 -d
}

# A name with a line break has no line.
lines() { sed -z '/\n/d' | tr '\0' '\n'; }

# Payload: of each shared path that is to begin as something in the release its path and the other's, both `./path`.
seed() { # RELEASE
  need_name "$1"
  enter
  is_sealed "$1" || refuse not-found "there is no sealed release $1 on this server"
  # shellcheck disable=SC2016 # The inner shell expands these.
  release=releases/$1 xargs -0 -n 2 sh -c '
    to=shared/$1 from=$release/$2
    new=${to%/*}/.seed.${to##*/}
    [ ! -e "$to" ] && [ ! -L "$to" ] || exit 0
    rm -rf -- "$new" && mkdir -p -- "${to%/*}" && cp -a -- "$from" "$new" && sync -f "$new" && mv -T -- "$new" "$to" && sync "${to%/*}"
  ' seed <"$payload" || exit 1
  answer '{}'
}

# Before a server goes back to a release: is it still what was sealed? One that is not is a release no more, and is uploaded again.
verify() { # RELEASE CONTENT TREE. Payload: `./path` of all its files.
  need_name "$1"
  enter
  is_sealed "$1" || answer '{"state":"damaged"}'
  cd "releases/$1" || exit 1
  compare "$2" "$3"
  cd "$OLDPWD" || exit 1
  [ -n "$wrong" ] || answer '{"state":"intact"}'
  find_current
  [ "$serving" != "$1" ] || refuse conflict "the release that is served, $1, is damaged: $wrong"
  log "releases/$1 is damaged, it needs a new upload: $wrong"
  rm -f ".lockstep/releases/$1" || exit 1
  answer '{"state":"damaged"}'
}

# Sets `wrong` to what differs from the manifest in the present directory; empty: nothing does.
compare() { # CONTENT TREE. Payload: `./path` of the files whose content is compared.
  wrong='' content=$1
  tree=$(tree_lines | sha256sum)
  [ "${tree%% *}" = "$2" ] || { wrong='the tree (names, types, modes, sizes, times) differs from the manifest' && return; }
  [ "$size" -eq 0 ] || content=$(content_lines | tee "$session/sums" | sha256sum)
  [ "${content%% *}" = "$1" ] || wrong='the content of files differs from the manifest'
}

# The lines of `treeLines` in the daemon. Pipes, sockets and devices give a line that cannot match.
tree_lines() { # Words that stand before find, such as a time limit; that it was reached is told on descriptor 4.
  {
    "$@" find . -mindepth 1 \( -type d -printf 'd %P\0' -o -type l -printf 'l %P -> %l\0' -o -type f -printf 'f %m %s %T@ %P\0' -o -printf '? %P\0' \) ||
      [ $? -ne 124 ] || echo late >&4
  } |
    sed -z 's/^\(f [0-7]* [0-9]* -*[0-9]*\)\.[0-9]*/\1/' | sort -z
}

content_lines() { xargs -0 sha256sum -z -- <"$payload" | sed -z 's/  \.\//  /'; }

# --- inspect, compare, save, examine ------------------------------------------------------------------------------------------------
# Looking changes nothing, fences nobody and waits for nobody: it takes no mutex. What a deployment does meanwhile may be seen half-way;
# the daemon, which knows of it, throws such an answer away.

inspect() { # DEPTH: `state`; `tree` (also the hash of the release's tree); `content` (also that of the contents of its files).
  began=$(now)
  look_at_current
  artifact=-
  if [ "$serving" != - ] && [ -f ".lockstep/releases/$serving" ]; then
    read -r artifact <".lockstep/releases/$serving"
    case $artifact in '' | *[!0-9a-f]*) artifact=- ;; esac
  fi
  tree=- content=-
  if [ "$1" != state ] && [ "$pointer" = release ]; then tree=$(tree_within 60 "releases/$serving"); fi
  if [ "$1" = content ] && [ "$pointer" = release ]; then content=$(content_within 600 "releases/$serving"); fi
  read_lock
  left=0
  if [ -n "$holder" ] && [ "$lock_boot" = "$(boot_id)" ]; then left=$((${deadline:-0} - $(uptime))); fi
  [ "$left" -gt 0 ] || left=0
  flag=false
  [ ! -e maintenance ] || flag=true
  find_space
  find_rsync
  clock=$(now)
  answer "{\"pointer\":\"$pointer\",\"current\":$(null_or "$serving"),\"target\":$(null_or "$target"),\"artifact\":$(null_or "$artifact"),\"tree\":$(null_or "$tree"),\"content\":$(null_or "$content"),\"lock\":$(null_or "${holder:--}"),\"lockLeft\":$left,\"maintenance\":$flag,\"freeBytes\":$free,\"freeInodes\":$inodes,\"rsync\":$(null_or "$rsync"),\"agent\":$(quoted "${0##*/agent-}"),\"clock\":$clock,\"took\":$((clock - began))}"
}

# Sets `pointer` to what `current` is: `release` (named by `serving`), `gone` (a link to a release that is not there), `elsewhere`
# (a link out of releases/), `directory` (no link at all), `none`. `target`: what the link says.
look_at_current() {
  pointer=release target=-
  [ ! -L current ] || target=$(readlink current)
  serving=$(nonce='' && find_current && [ -z "$unadopted" ] && echo "$serving")
  case $serving in
    '') if [ -L current ]; then pointer=elsewhere serving=-; else pointer=directory serving=-; fi ;;
    -) pointer=none ;;
    *) [ -d "releases/$serving" ] || pointer=gone ;;
  esac
}

# Milliseconds since 1970.
now() { date +%s%3N; }

# The hash of the tree of a directory; `-`: it took longer. A user of the server must not feel it, so it gives way to everything else.
tree_within() { # SECONDS DIRECTORY
  hash=$({ (cd "$2" && tree_lines timeout "$1" nice -n 10) | sha256sum; } 4>&1 2>/dev/null)
  hash_or_none
}

# The same for the contents of all files, in the order of their paths.
content_within() { # SECONDS DIRECTORY
  hash=$({ (cd "$2" && contents timeout "$1" nice -n 10) | sed -z 's/  \.\//  /' | sha256sum; } 4>&1 2>/dev/null)
  hash_or_none
}

contents() { # Words that stand before xargs, as for tree_lines.
  find . -mindepth 1 -type f -printf './%P\0' | sort -z | { "$@" xargs -0 -r sha256sum -z -- || [ $? -ne 124 ] || echo late >&4; }
}

hash_or_none() { case $hash in late*) echo - ;; *) echo "${hash%% *}" ;; esac; }

compare_with() { # RELEASE TREE-BYTES DEPTH. Payload: so many bytes of lines of the tree, then (DEPTH `content`) of the contents of its files.
  need_name "$1"
  [ -d "releases/$1" ] || refuse not-found "there is no release $1 on this server"
  find_differences "$1" "$2" "$3"
  tell_differences
  answer "{\"total\":$total,\"lines\":\"$lines\"}"
}

# Writes $session/differing, ordered by path: NUL-ended lines of the tree, or `c` (other content) or `u` (cannot be read) and a path. Those
# of the server begin with a tab, those that are missing there do not.
find_differences() { # RELEASE TREE-BYTES DEPTH
  release=$PWD/releases/$1
  head -c "$2" "$payload" >"$session/wanted" && (cd "$release" && tree_lines) >"$session/found" || exit 1
  {
    comm -z -3 "$session/wanted" "$session/found"
    [ "$3" != content ] || other_contents "$2"
  } | sed -z 's/^\(\t*[^f\t]\) /\1 - - - /' | sort -z -s -k 5 >"$session/differing" || exit 1
}

# Only files that look right otherwise are read: what looks different is told already.
other_contents() { # TREE-BYTES
  tail -c "+$(($1 + 1))" "$payload" | sort -z >"$session/contents" || exit 1
  (
    cd "$release" || exit 1
    find . -type f ! -readable -printf '\tu %P\0'
    comm -z -12 "$session/wanted" "$session/found" | sed -z -n 's/^f [0-7]* [0-9]* -*[0-9]* /.\//p' |
      nice -n 10 xargs -0 -r sha256sum -z -- 2>/dev/null | sed -z 's/  \.\//  /' | sort -z | comm -z -13 "$session/contents" - |
      sed -z 's/^[0-9a-f]*  /\tc /'
  )
}

# Sets `total` (paths) and `lines` (base64, of the first of them).
tell_differences() {
  total=$(sed -z 's/^\t*[^ ]* [^ ]* [^ ]* [^ ]* //; s/ -> .*//' "$session/differing" | sort -zu | tr -cd '\000' | wc -c)
  lines=$(head -z -n 400 "$session/differing" | head -c 40000 | base64 -w 0)
}

# What somebody changed or added in a release is set aside, whole or not at all, before a deployment goes on. The newest ten are kept.
save() { # RELEASE TREE-BYTES. Payload: as for compare, with contents.
  need_name "$1"
  enter
  recall
  find_current
  [ "$serving" = "$1" ] || refuse conflict "current does not point to $1 any more"
  find_differences "$1" "$2" content
  part=$PWD/.lockstep/saved/.part
  mkdir -p .lockstep/saved && rm -rf "$part" && mkdir -m 700 "$part" || exit 1
  sed -z -n 's/^\t[fcu] [^ ]* [^ ]* [^ ]* /.\//p; s/^\tl - - - \(.*\) -> .*/.\/\1/p' "$session/differing" >"$session/changed" || exit 1
  # shellcheck disable=SC2016 # The inner shell expands these.
  (cd "$release" && part=$part xargs -0 -r sh -c '
    for path do
      if [ -e "$path" ] || [ -L "$path" ]; then cp -a --parents -t "$part" -- "$path" || exit 1; fi
    done
  ' copy <"$session/changed") || { rm -rf "$part" && exit 1; }
  saved=-
  if [ -s "$session/changed" ]; then
    number=1
    while [ -e ".lockstep/saved/$1-$number" ]; do number=$((number + 1)); done
    saved=$1-$number
    touch "$part" && sync -f "$part" && mv -T "$part" ".lockstep/saved/$saved" || exit 1
    log "files of releases/$1 that were changed by hand are in .lockstep/saved/$saved"
  fi
  rm -rf "$part"
  find .lockstep/saved -mindepth 1 -maxdepth 1 -printf '%T@ %P\n' | sort -rn | tail -n +11 | cut -d ' ' -f 2 |
    while read -r old; do rm -rf ".lockstep/saved/$old"; done
  tell_differences
  operation=.lockstep/operations/$op
  mkdir -p "$operation" || exit 1
  echo "{\"saved\":$(null_or "$saved"),\"total\":$total,\"lines\":\"$lines\"}" | keep "$operation/answer" || exit 1
  recall
}

# Can this place take deployments? Tried out in the session's own directory, which is removed with it.
# shellcheck disable=SC2016 # The inner shells expand these.
examine() { # Payload: shared paths, NUL-ended. Answers which of them are missing, and what the place cannot do.
  [ -d "$session" ] || mkdir -m 700 "$session" || exit 1
  lacks=''
  try write test -w . -a -w releases -a -w .lockstep
  try hard-links sh -c ': >"$1.a" && ln "$1.a" "$1.b"' try "$session/try"
  try symbolic-links ln -s one "$session/try.c"
  try rename sh -c 'ln -s two "$1.d" && mv -T "$1.d" "$1.c" && test "$(readlink "$1.c")" = two' try "$session/try"
  try modes sh -c ': >"$1.e" && chmod 755 "$1.e" && test "$(stat -c %a "$1.e")" = 755' try "$session/try"
  try times sh -c ': >"$1.f" && touch -d @1000000001 "$1.f" && test "$(stat -c %Y "$1.f")" = 1000000001' try "$session/try"
  try locks sh -c 'exec 5>"$1.g" && flock -n 5' try "$session/try"
  try one-file-system sh -c 'test "$(stat -c %d . releases .lockstep/incoming | sort -u | wc -l)" -eq 1'
  missing=''
  [ "$size" -eq 0 ] || missing=$(xargs -0 -r sh -c 'for path do [ -e "shared/$path" ] || printf "%s\0" "$path"; done' look <"$payload" | head -c 40000 | base64 -w 0)
  answer "{\"lacks\":[$lacks],\"missing\":\"$missing\"}"
}

try() { # NAME COMMAND...
  name=$1
  shift
  "$@" 2>/dev/null || lacks="$lacks${lacks:+,}\"$name\""
}

# --- provide ------------------------------------------------------------------------------------------------------------------------
# Files from outside. The application may read them where the daemon says so (0644); those with a secret are the account's alone, from
# their first byte. So the directories are open, and the files are not.

provide() { # RELEASE INDEX-BYTES. Payload: of each file a line `MODE SIZE PATH`; then their bytes, one file after the other.
  need_name "$1"
  enter
  files=.lockstep/files/$1 new=.lockstep/files/.new.$1
  make_session || exit 1
  rm -rf "$new" && mkdir "$new" || exit 1
  index=$session/index
  if [ "$size" -gt 0 ]; then unpack "$2"; else index=/dev/null; fi
  if [ -d "$files" ]; then
    replace_files
  else
    mv -T "$new" "$files" || exit 1
  fi
  sync .lockstep/files || exit 1
  answer '{}'
}

# Every file is whole and durable before any of them takes its place.
unpack() {
  exec 5<"$payload"
  head -c "$1" <&5 >"$index" || exit 1
  while IFS= read -r line; do
    mode=${line%% *} line=${line#* }
    bytes=${line%% *} file=$new/${line#* }
    umask 022
    [ -d "${file%/*}" ] || mkdir -p -- "${file%/*}" || exit 1
    case $mode in ?00) umask 077 ;; esac
    head -c "$bytes" <&5 >"$file" || exit 1
    [ "${mode#7}" = "$mode" ] || chmod "$mode" -- "$file" || exit 1
  done <"$index"
  umask 022
  [ "$(cat <&5 | wc -c)" -eq 0 ] || { echo 'the files do not have the sizes that were announced' >&2 && exit 1; }
  exec 5<&-
  find "$new" -exec sync -- {} + || exit 1
}

# The release has files already, and may be served: each is replaced by one rename; what it no longer has goes first.
replace_files() {
  cut -d ' ' -f 3- "$index" | sort >"$session/wanted" || exit 1
  (cd "$files" && find . -mindepth 1 ! -type d -printf '%P\n') | sort | comm -23 - "$session/wanted" | while IFS= read -r file; do
    rm -f -- "$files/$file" || exit 1
  done || exit 1
  find "$files" -mindepth 1 -type d -empty -delete || exit 1
  while IFS= read -r file; do
    case $file in */*) mkdir -p -- "$files/${file%/*}" || exit 1 ;; esac
    mv -T -- "$new/$file" "$files/$file" || exit 1
  done <"$session/wanted"
  rm -rf "$new" && find "$files" -type d -exec sync -- {} + || exit 1
}

provided() { # RELEASE. Only looks.
  need_name "$1"
  [ -d ".lockstep/files/$1" ] || answer '{"paths":null}'
  paths=$(cd ".lockstep/files/$1" && find . -type f -printf '%P\n' | base64 -w 0) || exit 1
  [ ${#paths} -lt 60000 ] || refuse refused "$1 has too many files from outside to be named"
  answer "{\"paths\":\"$paths\"}"
}

# --- lock, decide, unlock, and the watchdog -----------------------------------------------------------------------------------------
# These bring about a state, so that a repeated request finds it brought about; they need no record of the operation.

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
remove_lock() { rm -f maintenance && sync . && rm -f .lockstep/lock && sync .lockstep || exit 1; }

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

# --- preview, switch ----------------------------------------------------------------------------------------------------------------

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
  [ "$1" = - ] || need_lock "$1"
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

# --- run ----------------------------------------------------------------------------------------------------------------------------

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
    uptime | keep "$operation/started" && sync .lockstep/operations || exit 1
    detached execute "$PWD" "$op" "$1" "$2" 9>&-
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
  begun=$(uptime)
  (cd "$directory" && exec env -i "$@" timeout -k 5 "$seconds" sh "$operation/command") <"/dev/null" >"$operation/pipe" 2>&1 8>&-
  status=$?
  # timeout(1) answers 124, or 137 where it had to kill.
  [ "$status" -ne 137 ] || [ $(($(uptime) - begun)) -lt "$seconds" ] || status=124
  # What the command left running may keep the pipe open; its words are not waited for.
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    ! kill -0 "$reader" 2>/dev/null || sleep 0.1
  done
  rm -f "$operation/reserve"
  output=$(tail -c 16384 "$operation/output" | base64 -w 0)
  echo "{\"exit\":$status,\"output\":\"$output\"}" | keep "$operation/answer" ||
    echo "{\"exit\":$status,\"output\":\"\"}" | keep "$operation/answer"
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

# --- collect ------------------------------------------------------------------------------------------------------------------------

collect() { # Payload: the releases to keep, one a line. Removes only what Lockstep brought: what was there before it may hold anything.
  enter
  find_current
  read_lock
  idle_release=''
  [ -z "$letter_a" ] || idle_release=$(readlink "$idle")
  stuck=''
  for record in .lockstep/releases/*; do
    release=${record##*/}
    is_name "$release" || continue
    case $release in "$serving" | "$fallback" | "${idle_release#releases/}") continue ;; esac
    ! grep -qx taken-over "$record" || continue
    [ "$size" -eq 0 ] || ! grep -qxF -e "$release" "$payload" || continue
    # Out of releases/ in one rename: what is there is whole.
    if [ -e "releases/$release" ] && ! said=$(mv -T "releases/$release" ".lockstep/incoming/.old.$release" 2>&1); then
      stuck="$stuck$said; "
      continue
    fi
    rm -f "$record" ".lockstep/manifests/$release"
  done
  for files in .lockstep/files/* .lockstep/files/.new.*; do
    [ ! -d "$files" ] || [ -d "releases/${files##*/}" ] || rm -rf "$files"
  done
  find . -maxdepth 1 -name '.current.*' -type l -delete
  for other in .lockstep/agent-*; do [ ".lockstep/${0##*/}" = "$other" ] || rm -f "$other"; done
  for other in .lockstep/session.*; do [ ! -e "$other" ] || kill -0 "${other##*.}" 2>/dev/null || rm -rf "$other"; done
  find .lockstep/operations -mindepth 1 -maxdepth 1 -printf '%T@ %P\n' | sort -rn | tail -n +201 | cut -d ' ' -f 2 |
    while read -r old; do rm -rf ".lockstep/operations/$old"; done
  [ ! -f .lockstep/log ] || [ "$(wc -c <.lockstep/log)" -lt 262144 ] || { tail -c 65536 .lockstep/log | keep .lockstep/log; }
  leave
  # Nobody looks at what is in incoming/ now: this may take its time.
  warnings=$(find .lockstep/incoming -mindepth 1 -maxdepth 1 -exec rm -rf -- {} + 2>&1 | head -n 5)
  answer "{\"warnings\":$(quoted "$stuck$warnings")}"
}

mode=$1
cd -- "$2" || exit 1
case $mode in
  serve) serve "$2" "$3" ;;
  watchdog) watchdog ;;
  execute) execute "$3" "$4" "$5" ;;
esac
exit
