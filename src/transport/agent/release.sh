#!/bin/sh
# stage, separate, discard, seal, seed, verify: how a release comes to be on this server.
# A clone shares its files with the release it was made from. So nothing in it is ever written, touched or chmodded: paths are only
# unlinked, and rsync puts new files in their place.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

stage() { # RELEASE ARTIFACT BASE UNLINKED-BYTES. Payload: `./path`s to unlink; then of each link `./path`, its place here, target, kind.
  need_name "$1"
  enter
  refuse_sealed "$1" "$2" '{"state":"sealed"}'
  make_room "$1"
  # Without a base that can be used everything is missing in the upload: `seal` says so, and the daemon repairs it.
  if ! { is_name "$3" && is_sealed "$3" && clone "$3" "$4"; }; then
    rm -rf "$incoming" && mkdir "$incoming" || exit 1
  fi
  [ "$size" -eq "$4" ] || links "$4"
  answer '{"state":"staged"}'
}

# Nothing of that name is there afterwards. Sets `incoming`, where it is to be made.
make_room() { # RELEASE
  find_current
  [ "$serving" != "$1" ] || refuse conflict "current points to releases/$1, which did not come from Lockstep"
  incoming=.lockstep/incoming/$1
  for left in ".lockstep/releases/$1" "$incoming" ".lockstep/next/$1"; do [ ! -e "$left" ] || rm -rf "$left" || exit 1; done
  if [ -e "releases/$1" ]; then # Half a release: nobody sealed it.
    log "releases/$1 was not sealed; removed"
    rm -rf ".lockstep/incoming/.half.$1" || exit 1
    mv -T "releases/$1" ".lockstep/incoming/.half.$1" && rm -rf ".lockstep/incoming/.half.$1" || exit 1
  fi
}

refuse_sealed() { # RELEASE ARTIFACT ANSWER: what to do with a release that is there already.
  is_sealed "$1" || return 0
  read -r artifact <".lockstep/releases/$1"
  [ "$artifact" != "$2" ] || answer "$3"
  refuse conflict "releases/$1 is there already, with another content"
}

clone() {
  # One that was made ahead and is damaged does not match in the end, and is repaired.
  if rename ".lockstep/next/$1" "$incoming" 2>/dev/null; then unlink_outside "$1"; else link_or_copy "$1"; fi
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

link_or_copy() { # BASE
  if ! said=$(cp -al "releases/$1" "$incoming" 2>&1); then
    rm -rf "$incoming"
    case $said in *'No space left on device'* | *'uota exceeded'*) printf '%s\n' "$said" >&2 && exit 1 ;; esac
    cp -a "releases/$1" "$incoming" || exit 1 # The file system or the kernel forbids these hard links.
  fi
  unlink_outside "$1"
}

unlink_outside() { [ ! -d ".lockstep/files/$1" ] || (cd "$incoming" && unlink_files "$1") || exit 1; } # BASE

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
  flush_all ".lockstep/incoming/$1" || exit 1
  sums "$1" "$5" | keep ".lockstep/manifests/$1" || exit 1
  printf '%s\n' "$2" "$6" "$4" | keep ".lockstep/releases/$1" || exit 1
  mv -T ".lockstep/incoming/$1" "releases/$1" && flush releases .lockstep/incoming || exit 1
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
  # shellcheck disable=SC2119
  tree=$(tree_lines | sha256sum)
  [ "${tree%% *}" = "$2" ] || { wrong='the tree (names, types, modes, sizes, times) differs from the manifest' && return; }
  [ "$size" -eq 0 ] || content=$(content_lines | tee "$session/sums" | sha256sum)
  [ "${content%% *}" = "$1" ] || wrong='the content of files differs from the manifest'
}

# The lines of `treeLines` in the daemon. Pipes, sockets and devices give a line that cannot match.
# shellcheck disable=SC2120 # look.sh gives it words.
tree_lines() { # Words that stand before find, such as a time limit; that it was reached is told on descriptor 4.
  {
    # Without TZ find would ask for /etc/localtime at every file, which takes longer than the file.
    TZ=UTC0 "$@" find . -mindepth 1 \( -type d -printf 'd %P\0' -o -type l -printf 'l %P -> %l\0' -o -type f -printf 'f %m %s %Ts %P\0' -o -printf '? %P\0' \) ||
      [ $? -ne 124 ] || echo late >&4
  } | sort -z
}

content_lines() { xargs -0 sha256sum -z -- <"$payload" | sed -z 's/  \.\//  /'; }
