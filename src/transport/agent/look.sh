#!/bin/sh
# inspect, tree, compare, save, examine: what is on this server.
# Looking changes nothing, fences nobody and waits for nobody: it takes no mutex. What a deployment does meanwhile may be seen half-way;
# the daemon, which knows of it, throws such an answer away.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

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
  if [ -n "$holder" ] && find_time && [ "$lock_boot" = "$boot" ]; then left=$((${deadline:-0} - uptime)); fi
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

tree() { # RELEASE
  need_name "$1"
  tree=-
  [ ! -d "releases/$1" ] || tree=$(tree_within 60 "releases/$1")
  answer "{\"tree\":$(null_or "$tree")}"
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
  keep_line "$operation/answer" "{\"saved\":$(null_or "$saved"),\"total\":$total,\"lines\":\"$lines\"}" || exit 1
  recall
}

# Can this place take deployments? Tried out in the session's own directory, which is removed with it.
# shellcheck disable=SC2016 # The inner shells expand these.
examine() { # Payload: shared paths, NUL-ended. Answers which of them are missing, and what the place cannot do.
  make_session || exit 1
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
