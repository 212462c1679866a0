#!/bin/sh
# unpack: a release arrives as one pack, and everything that makes a release of it is done in one go. release.sh says what a clone forbids.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

# Payload, one part after the other, of so many bytes: lines `./path` of the directories on the way to what is unlinked or unpacked; `./path`s to
# unlink first; places that links lead to; `./path` of the files whose content is compared; lines for the list of hashes, in order of their
# paths (dots in place of a hash: no longer there); the maintenance page; and the rest is the pack, a tar of what is new.
# CONTENT: the hash over what is compared, or `listed`: each file is compared with its line. TOKEN: the lock of the cutover, which is prepared
# then, too; `-`: none. REST: see `ready`.
unpack() { # RELEASE ARTIFACT BASE CONTENT TREE REVISION COMPRESSION TOKEN REST BYTES BYTES BYTES BYTES BYTES BYTES
  need_name "$1"
  enter
  # Gives back its room, without a process; but what came by a relay may be another name of a pack that is to be handed on.
  if [ "$verb" = unpack ]; then trap ': >"$payload"' EXIT; else trap 'rm -f "$payload"' EXIT; fi
  refuse_sealed "$1" "$2" '{"state":"sealed","clone":"none"}'
  make_room "$1"
  release=$1 artifact=$2 base=$3 content=$4 tree=$5 revision=$6 compression=$7 token=$8 rest=$9 before=0
  shift 9
  exec 8<"$payload"
  # The list of all hashes is made of these by `collect`, when nobody waits for anything.
  changes=$PWD/.lockstep/manifests/.changes.$release
  echo "$base" >"$changes" || exit 1
  for part in "$session/directories" "$session/unlinked" "$session/places" "$session/files" "$changes" "$session/page"; do
    take_part "$part" "$1" <&8
    shift
  done
  [ ! -s "$session/places" ] || xargs -0 mkdir -p -- <"$session/places" || exit 1
  take_clone
  apply
  # A clone that was made ahead may have been damaged since; one that is made now is as good as its base.
  if [ -n "$wrong" ] && [ "$clone" = ahead ]; then
    log "the clone of $base that was ready is damaged, another one is made: $wrong"
    clone_now
    exec 8<"$payload" && head -c "$before" <&8 >/dev/null || exit 1
    apply
  fi
  exec 8<&-
  [ -z "$wrong" ] || refuse mismatch "$wrong"
  # Neither counts before the release is there, and then both are on the disk.
  printf '%s\n' "$artifact" "$revision" >".lockstep/releases/$release" || exit 1
  sync -f "$incoming" || exit 1
  mv -T "$incoming" "releases/$release" && sync releases .lockstep/incoming .lockstep/releases .lockstep/manifests || exit 1
  [ "$token" = - ] || prepare_cutover "$token" "$release" "$session/page"
  answer_ready "$rest" "{\"state\":\"unpacked\",\"clone\":\"$clone\"}"
}

take_part() { # FILE BYTES. From standard input, which stands where it begins.
  before=$((before + $2))
  [ "$1" = "$changes" ] || : >"$1" || exit 1
  [ "$2" -eq 0 ] || head -c "$2" >>"$1" || exit 1
}

# Makes `incoming` what the release is made in. Sets `clone`: none, ahead or now; and `wrong`, if there is no base.
take_clone() {
  wrong='' clone=none
  if [ "$base" = - ]; then
    mkdir "$incoming" || exit 1
  elif ! is_name "$base" || ! is_sealed "$base"; then
    mkdir "$incoming" || exit 1
    wrong="there is no release $base to start from"
  elif mv -T ".lockstep/next/$base" "$incoming" 2>/dev/null; then
    clone=ahead
    unlink_outside "$base"
  else
    clone_now
  fi
}

clone_now() {
  wrong='' clone=now
  rm -rf "$incoming" || exit 1
  link_or_copy "$base"
}

# Unlinks, unpacks, and sets `wrong` to what is not as it should be then. Everything that is unpacked is new: no file of the base is written to.
apply() {
  [ -z "$wrong" ] || return 0
  cd "$incoming" || exit 1
  unpack_here
  if [ -z "$wrong" ]; then
    sum=$content found=$(tree_lines | sha256sum)
    if [ "${found%% *}" != "$tree" ]; then
      wrong='the tree (names, types, modes, sizes, times) differs from the manifest'
    elif [ "$content" = listed ]; then
      sha256sum -c --status "$changes" 2>/dev/null || sum=other # It says of the first line, and of those with dots, that they are none.
    else
      : >"$session/sums"
      [ ! -s "$session/files" ] || xargs -0 sha256sum -z -- <"$session/files" >"$session/sums" || exit 1
      sum=$(sha256sum <"$session/sums")
    fi
    [ "${sum%% *}" = "$content" ] || wrong='the content of files differs from the manifest'
  fi
  cd "$OLDPWD" || exit 1
}

unpack_here() {
  # A directory that is a link here (somebody replaced it, or it was shared then) would lead out of the clone.
  while IFS= read -r one; do
    if [ ! -d "$one" ] || [ -L "$one" ]; then wrong='a directory of the base is something else now' && return; fi
  done <"$session/directories"
  [ ! -s "$session/unlinked" ] || xargs -0 rm -rf -- <"$session/unlinked" || exit 1
  [ "$size" -gt "$before" ] || return 0
  if ! said=$(unpack_all 2>&1 <&8); then
    case $said in # A part of a file that still fitted is told so by tar: `Wrote only 512 of 10240 bytes`.
      *'No space left on device'* | *'uota exceeded'* | *'Wrote only '*) echo 'unpacking: No space left on device' >&2 && exit 1 ;;
    esac
    wrong="the pack could not be unpacked: $said"
  fi
}

unpack_all() {
  case $compression in
    gzip) gzip -dc | tar -xpf - --no-same-owner --numeric-owner ;;
    zstd) zstd -dqc | tar -xpf - --no-same-owner --numeric-owner ;;
    *) tar -xpf - --no-same-owner --numeric-owner ;;
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
  is_name "$serving" && is_sealed "$serving" && [ ! -e "$next" ] || return 0
  find_space
  # Hard links take directories only; never the last room for those.
  directories=$(find "releases/$serving" -type d -printf . | wc -c)
  [ "$inodes" -gt $((directories * 10 + 1024)) ] && [ "$free" -gt $((directories * 40960 + 67108864)) ] || return 0
  idle=
  ! command -v ionice >/dev/null || idle='ionice -t -c 3'
  # shellcheck disable=SC2086 # Several words.
  if ! { mkdir -p .lockstep/next && timeout 15 nice -n 19 $idle cp -al "releases/$serving" "$new" && mv -T "$new" "$next"; }; then
    rm -rf "$new"
  fi
}
