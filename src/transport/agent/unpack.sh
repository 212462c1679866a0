#!/bin/sh
# unpack: a release arrives as one pack, and everything that makes a release of it is done in one go. release.sh says what a clone forbids.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.
# shellcheck disable=SC3013 # -nt: see hello.sh.

# Payload, one part after the other, of so many bytes: lines `./path` of the directories on the way to what is unlinked or unpacked; `./path`s to
# unlink first; places that links lead to; `./path` of the files whose content is compared; lines for the list of hashes, in order of their
# paths (dots in place of a hash: no longer there); and the rest is the pack, a tar of what is new.
# CONTENT: the hash over what is compared, or `listed`: each file is compared with its line. TOKEN: the lock of the cutover, which is prepared
# then, too; `-`: none. REST: see `ready`.
# BASE-TREE: the hash of the tree that the base should have, for who relies on what was seen of a clone of it.
unpack() { # RELEASE ARTIFACT BASE BASE-TREE CONTENT TREE REVISION COMPRESSION TOKEN REST BYTES BYTES BYTES BYTES BYTES
  need_name "$1"
  enter
  # Gives back its room, without a process; but what came by a relay may be another name of a pack that is to be handed on.
  case $received$verb in
    yes*) trap ': >"$session/pack"' EXIT ;;
    unpack) trap ': >"$payload"' EXIT ;;
    *) trap 'rm -f "$payload"' EXIT ;;
  esac
  refuse_sealed "$1" "$2" '{"state":"sealed","clone":"none"}'
  make_room "$1"
  release=$1 artifact=$2 base=$3 base_tree=$4 content=$5 tree=$6 revision=$7 compression=$8 token=$9
  shift 9
  rest=$1
  shift
  take_clone
  # The list of all hashes is made of these by `collect`, when nobody waits for anything.
  changes=$PWD/.lockstep/manifests/.changes.$release
  take_parts "$@"
  rename "$here/changes" ".lockstep/manifests/.changes.$release" || exit 1
  look_through
  [ ! -s "$session/places" ] || xargs -0 mkdir -p -- <"$session/places" || exit 1
  apply
  # A clone that was made ahead may have been damaged since; one that is made now is as good as its base.
  if [ -n "$wrong" ] && [ "$clone" = ahead ]; then
    log "the clone of $base that was ready is damaged, another one is made: $wrong"
    clone_now
    take_parts "$@"
    look_through
    apply
  fi
  exec 8<&-
  [ -z "$wrong" ] || refuse mismatch "$wrong"
  # Neither counts before the release is there, and then both are on the disk.
  printf '%s\n' "$artifact" "$revision" "$tree" >".lockstep/releases/$release" || exit 1
  flush_all "$incoming" || exit 1
  rename "$incoming" "releases/$release" && flush releases .lockstep/incoming .lockstep/releases .lockstep/manifests || exit 1
  [ "$token" = - ] || prepare_cutover "$token" "$release"
  answer_ready "$rest" "{\"state\":\"unpacked\",\"clone\":\"$clone\"}"
}

# Instead of one file, the payload becomes one for each of its parts at once.
receive_parts() { # TREE REVISION COMPRESSION TOKEN REST BYTES BYTES BYTES BYTES BYTES
  shift 5
  begin_parts "$three" 2>/dev/null || { said=$(begin_parts "$three" 2>&1) && false; } || return 1
  set -- "$@" $((size - $1 - $2 - $3 - $4 - $5))
  for part in $PARTS pack; do
    set -- "$@" "$1" "$here/$part"
    shift
  done
  receive "$@" && received=yes
}

PARTS='directories unlinked places files changes'

begin_parts() { # BASE
  # shellcheck disable=SC2086 # Several words.
  empty $PARTS pack && echo "$1" >"$here/changes"
}

# Descriptor 8 stands at the beginning of the pack then, and `lists` is what came before it.
take_parts() { # BYTES BYTES BYTES BYTES BYTES
  lists=$(($1 + $2 + $3 + $4 + $5))
  if [ -n "$received" ]; then exec 8<"$session/pack" && return 0; fi
  begin_parts "$base" && exec 8<"$payload" || exit 1
  for part in $PARTS; do
    [ "$1" -eq 0 ] || head -c "$1" <&8 >>"$here/$part" || exit 1
    shift
  done
}

# A directory that is a link here (somebody replaced it, or it was shared then) would lead out of the clone.
look_through() {
  if are_directories "$here/directories" "$incoming"; then return 0; fi
  while IFS= read -r one; do
    if [ ! -d "$incoming/$one" ] || [ -L "$incoming/$one" ]; then wrong=${wrong:-'a directory of the base is something else now'}; fi
  done <"$session/directories"
}

# Makes `incoming` what the release is made in. Sets `clone`: none, ahead or now; `sound`, if it is as its base was sealed; and `wrong`, if there is
# no base.
take_clone() {
  wrong='' clone=none sound=''
  if [ "$base" = - ]; then
    mkdir "$incoming" || exit 1
  elif ! is_name "$base" || ! is_sealed "$base"; then
    mkdir "$incoming" || exit 1
    wrong="there is no release $base to start from"
  else
    if read_tree "$base" && [ "$recorded" = "$base_tree" ] && is_sound "$base"; then sound=yes; fi
    if rename ".lockstep/next/$base" "$incoming" 2>/dev/null; then
      clone=ahead
      unlink_outside "$base"
    else
      clone_now
    fi
  fi
}

clone_now() {
  wrong='' clone=now sound=''
  rm -rf "$incoming" || exit 1
  link_or_copy "$base"
}

# Unlinks, unpacks, and sets `wrong` to what is not as it should be then. Everything that is unpacked is new: no file of the base is written to.
apply() {
  [ -z "$wrong" ] || return 0
  [ ! -s "$session/unlinked" ] || forget "$here/unlinked" "$incoming" || exit 1
  cd "$incoming" || exit 1
  unpack_here
  [ -n "$wrong" ] || check_release
  cd "$OLDPWD" || exit 1
}

unpack_here() {
  [ "$size" -gt "$lists" ] || return 0
  if ! said=$(unpack_all 2>&1 <&8); then
    case $said in # A part of a file that still fitted is told so by tar: `Wrote only 512 of 10240 bytes`.
      *'No space left on device'* | *'uota exceeded'* | *'Wrote only '*) echo 'unpacking: No space left on device' >&2 && exit 1 ;;
    esac
    wrong="the pack could not be unpacked: $said"
  fi
}

check_release() {
  if [ -z "$sound" ]; then
    found=$(tree_lines | sha256sum)
    [ "${found%% *}" = "$tree" ] || { wrong='the tree (names, types, modes, sizes, times) differs from the manifest' && return; }
  fi
  sum=$content
  if [ "$content" = listed ]; then
    has_sums "$changes" || sum=other
  else
    : >"$session/sums"
    [ ! -s "$session/files" ] || xargs -0 sha256sum -z -- <"$session/files" >"$session/sums" || exit 1
    sum=$(sha256sum <"$session/sums")
  fi
  [ "${sum%% *}" = "$content" ] || wrong='the content of files differs from the manifest'
}

# Do the files have the hashes that FILE lists below its first line? openssl is many times quicker at it than coreutils; where it says something else
# than what is expected, be it of a strange name, sha256sum is asked, which says of the first line, and of those with dots, that they are none.
has_sums() { # FILE
  if [ "$size" -gt 2097152 ] && command -v openssl >/dev/null && sed '1d; /^\./d; s/  / *.\//' "$1" >"$session/wanted" &&
    cut -c 67- "$session/wanted" | xargs -d '\n' openssl dgst -sha256 -r -- 2>/dev/null | cmp -s - "$session/wanted"; then return 0; fi
  sha256sum -c --status "$1" 2>/dev/null
}

unpack_all() {
  case $compression in
    gzip) gzip -dc | tar -b 128 -xpf - --no-same-owner --numeric-owner ;;
    zstd) zstd -dqc | tar -b 128 -xpf - --no-same-owner --numeric-owner ;;
    *) tar -b 128 -xpf - --no-same-owner --numeric-owner ;;
  esac
}

# The list that `sums` makes, without reading any file: what was sent and what is gone takes the place of the base's lines.
list_hashes() { # RELEASE
  changes=.lockstep/manifests/.changes.$1
  read -r base <"$changes" || return 1
  if [ "$base" = - ]; then
    tail -n +2 "$changes"
  elif [ -f ".lockstep/manifests/$base" ]; then
    tail -n +2 "$changes" | sort -m -s -u -t "$(printf '\001')" -k 1.67 - ".lockstep/manifests/$base" | sed '/^\./d'
  else # A base from before there were such lists.
    (cd "releases/$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum -z -- | sed -z 's/  \.\//  /') | lines
  fi
}

# When no visitor waits: the clone that the next upload starts from. Not for long, for the next deployment may; what cannot be made now is made then.
clone_ahead() {
  next=.lockstep/next/$serving new=.lockstep/next/.new.$$
  is_name "$serving" && is_sealed "$serving" || return 0
  if [ ! -e "$next" ]; then
    find_space
    # Hard links take directories only; never the last room for those.
    directories=$(find "releases/$serving" -type d -printf . | wc -c)
    [ "$inodes" -gt $((directories * 10 + 1024)) ] && [ "$free" -gt $((directories * 40960 + 67108864)) ] || return 0
    idle=
    ! command -v ionice >/dev/null || idle='ionice -t -c 3'
    # shellcheck disable=SC2086 # Several words.
    if ! { mkdir -p .lockstep/next && timeout 15 nice -n 19 $idle cp -al "releases/$serving" "$new" && mv -T "$new" "$next"; }; then
      rm -rf "$new"
      return 0
    fi
  fi
  is_sound "$serving" || vouch "$serving"
}

# Is the clone as it was when `vouch` looked? Whoever changes a file or a directory changes its ctime, too, and nobody can set that back.
is_sound() { # RELEASE
  vouched=''
  [ ! -s .lockstep/sound ] || read -r vouched <.lockstep/sound
  # A mark from the future: the clock was set back.
  [ "$vouched" = "$1" ] && [ .lockstep/order -nt .lockstep/sound ] || return 1
  [ "$looked" != "$1" ] || [ ! "$session/look" -nt .lockstep/sound ] || return 0
  changed=$(find_changed "$1" 2>&1) && [ -z "$changed" ]
}

# For a shell of its own, which it becomes.
find_changed() { exec find ".lockstep/next/$1" -cnewer .lockstep/sound -print -quit; } # RELEASE

# To look at thousands of files takes a moment: it is done while the daemon fetches and builds what will be unpacked. It gives way to everybody, until
# somebody waits for it. Not in a verb; others may come meanwhile.
look_ahead() {
  find_time
  [ -z "$looker" ] || [ $((uptime - looked_since)) -gt 5 ] || return 0 # There is one.
  looker='' looked_at=-
  [ ! -s .lockstep/serving ] || read -r looked_at <.lockstep/serving || return 0
  is_name "$looked_at" && [ -d ".lockstep/next/$looked_at" ] || return 0
  { make_session && : >"$session/look"; } 2>/dev/null || return 0
  looked_since=$uptime
  if hands look "$looked_at" "$here/look"; then looker=hands && return 0; fi
  find_changed "$looked_at" >>"$session/look" 2>&1 3>&- 5>&- 6>&- 9>&- &
  looker=$!
}

# Sets `looked` to the release whose clone was seen to be sound, a moment ago.
await_look() {
  looked=''
  [ -n "$looker" ] || return 0
  if end_look && [ ! -s "$session/look" ] && find_time && [ $((uptime - looked_since)) -le 10 ]; then looked=$looked_at; fi
  looker=''
}

end_look() { if [ "$looker" = hands ]; then hands looked; else wait "$looker"; fi; }

# Sets `recorded` to the hash of the tree that a release was sealed with. False: a record from before that was written down.
read_tree() { { read -r _ && read -r _ && read -r recorded; } <".lockstep/releases/$1"; } # RELEASE

# Looks whether the clone has the tree of its release. The mark is older than the look, by more than the step of a file's clock: what is changed
# meanwhile is newer, or seen.
vouch() { # RELEASE
  read_tree "$1" || return 0
  mark=.lockstep/sound.new.$$
  echo "$1" >"$mark" && sleep 0.02 || return 0
  if [ "$(tree_within 60 ".lockstep/next/$1")" = "$recorded" ]; then rename "$mark" .lockstep/sound; else remove "$mark"; fi
}
