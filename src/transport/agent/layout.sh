#!/bin/sh
# The layout: which release a server serves, and how it comes to serve another.
#
# `current` is a symbolic link to the release. Where .lockstep/layout names an A and a B, the web server does not look at `current` but at one
# of these two links, the one that its configuration names as root. To switch, the idle one is pointed to the release, the configuration
# is made to name it, tested, and the web server reads it again: so a release is met under a path that caches do not know yet.
# A directory that another tool left where a link belongs becomes a release. Failures end the verb: the last words on standard error say why.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.
# shellcheck disable=SC3013 # POSIX has -nt and -ef since 2024, and dash, bash, ksh and busybox had them long before.

# STATUS 3: a command of the configuration failed.
stop() { # MESSAGE [STATUS]
  printf '%s\n' "$1" >&2
  exit "${2:-1}"
}

# Sets letter_a, letter_b, site, test_command, reload_command; an empty letter_a: there is only `current`.
read_layout() {
  letter_a='' letter_b='' site='' test_command='' reload_command=''
  [ -s "${layout:-.lockstep/layout}" ] || return 0
  {
    IFS= read -r letter_a && IFS= read -r letter_b && IFS= read -r site && IFS= read -r test_command && IFS= read -r reload_command
  } <"${layout:-.lockstep/layout}" || stop "$PWD/.lockstep/layout is damaged; deploy again"
}

guess='' # See find_current; what has not been called yet has set nothing.

# Sets `serving` to the release that is served, `-`: none; `shown` to the name under which it is; and `unadopted` to the same name if that is a
# directory which has yet to become the release.
find_current() {
  serving=- shown=current unadopted=''
  read_layout
  if [ -n "$letter_a" ]; then
    find_active
    if [ -d current ] && [ ! -L current ]; then stop "$PWD/current is a directory beside $letter_a and $letter_b; move it away, then deploy again"; fi
    if [ -e "$active" ] || [ -L "$active" ]; then shown=$active; fi
  fi
  [ -n "$remembered" ] || guess=''
  [ -n "$guess" ] || [ ! -s .lockstep/serving ] || read -r guess <.lockstep/serving || guess=''
  if [ -L "$shown" ] && is_name "$guess" && [ "$shown" -ef "releases/$guess" ] && [ ! -L "releases/$guess" ]; then
    serving=$guess # It was so last time: to see that takes no process.
  elif [ -L "$shown" ]; then
    serving=$(readlink "$shown")
    case $serving in
      releases/*) serving=${serving#releases/} ;;
      *)
        real=$(readlink -f "$shown")
        [ "${real%/*}" = "$(readlink -f releases)" ] || stop "$shown points to $serving, which is not in $PWD/releases"
        serving=${real##*/}
        ;;
    esac
    is_name "$serving" || stop "$shown points to $serving, which is not a release's name"
  elif [ -d "$shown" ]; then
    spare_name before-lockstep
    serving=$spare unadopted=$shown
  elif [ -e "$shown" ]; then
    stop "$PWD/$shown is neither a symbolic link nor a directory; move it away, then deploy again"
  fi
}

# `current`, and what the web server looks at, become RELEASE; `-`: no release. A repeat goes on where it stands. The web server first: it may refuse.
point_current() { # RELEASE OP
  read_layout
  [ -z "$letter_a" ] || point_site "$1" "$2"
  if [ "$1" = - ]; then rm -f current || exit 1; else point_link current "$1" "$2"; fi
}

# One rename, under a name of its own, read back. That it is durable is the caller's care.
point_link() { # LINK RELEASE OP
  if [ "$1" = current ] && [ -L .current.ready ] && [ .current.ready -ef "releases/$2" ]; then
    rename .current.ready current || exit 1
  else
    point "releases/$2" ".current.$3" && rename ".current.$3" "$1" || exit 1
  fi
  note .lockstep/serving "$2"
  guess=$2
  if [ ! -L "$1" ] || [ ! "$1" -ef "releases/$2" ]; then stop "$1 is $(readlink "$1") after a switch to $2"; fi
}

# --- Adoption -----------------------------------------------------------------------------------------------------------------------

# The same on every server and at every try, so that a cluster can go back to it. A link is what a try that was killed has left.
spare_name() { # BASE
  spare=$1 number=2
  while [ -e "releases/$spare" ] && [ ! -L "releases/$spare" ]; do
    spare=$1-$number number=$((number + 1))
  done
}

# What can be known before anything is sent: would the directory be the same one level deeper?
check_adoptable() {
  [ -n "$unadopted" ] || return 0
  [ "$(stat -c %d "$unadopted")" = "$(stat -c %d releases)" ] || stop "$PWD/$unadopted and $PWD/releases are on different file systems"
  [ -w "$unadopted" ] || stop "$PWD/$unadopted is a directory that belongs to another account; give it to $(id -un), then deploy again"
  find "$unadopted" -type l -lname '*..*' -printf '%h\n%l\n' | while IFS= read -r directory && IFS= read -r target; do
    case $(case $target in /*) echo "$PWD/$unadopted/" ;; *) realpath -ms "$PWD/$directory/$target" ;; esac)/ in "$PWD/$unadopted"/*) continue ;; esac
    stop "$PWD/$directory holds a link to $target, which leads out of $unadopted: make it absolute, then deploy again"
  done || exit 1
}

adopt_current() {
  [ -n "$unadopted" ] || return 0
  adopt "$unadopted" "$serving"
  [ "$unadopted" = current ] || point_link current "$serving" "adopted.$$"
  unadopted=''
}

# A directory becomes a release, and a link to it takes its place, at one moment: whoever reads there never misses a file.
adopt() { # DIRECTORY RELEASE
  rm -f "releases/$2" && ln -s "releases/$2" "releases/$2" || exit 1
  if exchange "$1" "releases/$2"; then
    log "$1 was a directory; it is releases/$2 now"
  else
    rm -f "releases/$2" ".lockstep/adopting.$1" && ln -s "releases/$2" ".lockstep/adopting.$1" || exit 1
    mv -T "$1" "releases/$2" || { rm -f ".lockstep/adopting.$1" && exit 1; }
    finish_adoption
    log "$1 was a directory; it is releases/$2 now. Without renameat2 (mv --exchange, perl or python3) there was a moment without $1"
  fi
  if [ "$(readlink "$1")" != "releases/$2" ] || [ ! -d "releases/$2" ]; then stop "$PWD/$1 could not be made releases/$2"; fi
  flush . releases || exit 1
}

# Killed between its two renames, too.
finish_adoption() {
  for prepared in .lockstep/adopting.*; do
    [ -L "$prepared" ] || continue
    name=${prepared#.lockstep/adopting.}
    if [ -e "$name" ] || [ -L "$name" ]; then rm -f "$prepared"; else mv -T "$prepared" "$name"; fi || exit 1
  done
}

# renameat2(2) with RENAME_EXCHANGE: coreutils have it since 9.5. False: nothing was done.
exchange() { # LINK'S PLACE, LINK
  case $(uname -m) in
    x86_64) number=316 ;;
    i?86) number=353 ;;
    arm*) number=382 ;;
    ppc*) number=357 ;;
    s390*) number=347 ;;
    *) number=276 ;; # aarch64, riscv64 and all that came later.
  esac
  # shellcheck disable=SC2016 # perl expands these.
  mv -T --exchange "$1" "$2" 2>/dev/null ||
    perl -e 'my ($n, $a, $b) = @ARGV; exit(syscall($n + 0, -100, $a, -100, $b, 2) != 0)' "$number" "$1" "$2" 2>/dev/null ||
    python3 -c 'import ctypes, os, sys
a, b = map(os.fsencode, sys.argv[1:])
sys.exit(ctypes.CDLL(None).renameat2(-100, a, -100, b, 2) != 0)' "$1" "$2" 2>/dev/null
  [ -L "$1" ]
}

# --- A and B ------------------------------------------------------------------------------------------------------------------------

# Sets `active` to the one that the web server's configuration names as root, `idle` to the other one.
find_active() {
  [ -r "$site" ] || stop "there is no readable file $site, which the cluster's layout names as the web server's configuration"
  case $(roots "$letter_a"):$(roots "$letter_b") in
    0:0) stop "no root in $site is $PWD/$letter_a or $PWD/$letter_b" ;;
    *:0) active=$letter_a idle=$letter_b ;;
    0:*) active=$letter_b idle=$letter_a ;;
    *) stop "$site names both $PWD/$letter_a and $PWD/$letter_b as root; let it name one of them" ;;
  esac
}

roots() { sed 's/#.*//' "$site" | grep -cE "(^|[;{[:space:]])root[[:space:]]+[\"']?$(escaped "$PWD/$1")([/;\"'[:space:]]|\$)"; }

# shellcheck disable=SC2016 # $ is one of the characters.
escaped() { printf %s "$1" | sed 's/[][\\.*^$(){}?+|,]/\\&/g'; }

# .lockstep/site says how far a change of the configuration has come that is not over: `test` or `reload`.
point_site() { # RELEASE OP
  find_active
  if [ "$1" = - ]; then
    [ ! -L "$active" ] || rm -f "$active" || exit 1
    return 0
  fi
  real=$(readlink -f "$site")
  before=${real%/*}/.${real##*/}.before-lockstep # Web servers do not include files whose name begins with a dot.
  if [ "$(readlink "$active")" != "releases/$1" ]; then
    if [ -d "$idle" ] && [ ! -L "$idle" ]; then
      spare_name before-lockstep-idle
      adopt "$idle" "$spare"
    fi
    point_link "$idle" "$1" "$2"
    name_in_site "$active" "$idle"
  fi
  [ ! -e .lockstep/site ] || load_site
}

# Every mention of the one becomes the other: what a root is, is often an alias or a parameter too.
name_in_site() { # FROM TO
  new=${real%/*}/.${real##*/}.lockstep
  mention="(^|[[:space:]\"'=:])$(escaped "$PWD/$1")([/;\"'[:space:]]|\$)"
  substitute="s,$mention,\\1$(printf %s "$PWD/$2" | sed 's/[\\&,]/\\&/g')\\2,g"
  rm -f "$new" "$before" && cp -a "$real" "$before" && cp -a "$real" "$new" || exit 1
  # Twice: of two mentions side by side the first takes the space between them.
  sed -E -e "$substitute" -e "$substitute" "$real" >"$new" && sync "$new" || exit 1
  [ "$(site=$new && roots "$2")" -gt 0 ] || stop "$real could not be made to name $PWD/$2"
  [ "$(stat -c '%u %g %a' "$new")" = "$(stat -c '%u %g %a' "$real")" ] || stop "$real belongs to another account than $(id -un), which would change its owner"
  keep_line .lockstep/site test || exit 1
  mv -T "$new" "$real" && sync "${real%/*}" || exit 1
}

load_site() {
  read -r stage <.lockstep/site
  if ! site_command "$test_command"; then
    restore_site
    # Never loaded: the web server knows nothing of it.
    [ "$stage" = reload ] || rm -f .lockstep/site
    stop "$said" 3
  fi
  keep_line .lockstep/site reload || exit 1
  list_workers
  site_command "$reload_command" || { restore_site && stop "$said" 3; }
  case $reload_command in *nginx*) await_workers ;; esac
  rm -f "$before" .lockstep/site
}

restore_site() { [ ! -f "$before" ] || { mv -T "$before" "$real" && sync "${real%/*}"; } || exit 1; }

# Its output goes to a file, and no lock of ours to it: it may start a process that stays.
site_command() { # COMMAND
  timeout -k 2 10 sh -c "$1" </dev/null >.lockstep/site.output 2>&1 3>&- 5>&- 6>&- 7>&- 8>&- 9>&-
  status=$?
  said="\`$1\` exited $status: $(tail -c 400 .lockstep/site.output | tr '\n' ' ')"
  rm -f .lockstep/site.output
  [ "$status" -eq 0 ]
}

# nginx starts new workers, and tells the old ones a tenth of a second later to end: until then these still answer, with the old root.
# Sets old_workers: words PARENT.PID.
list_workers() {
  old_workers=''
  for pid in $(workers); do
    ! read -r _ _ _ parent _ 2>/dev/null <"/proc/$pid/stat" || old_workers="$old_workers $parent.$pid"
  done
}

# A worker that was told to end calls itself something else.
workers() { grep -lzxF 'nginx: worker process' /proc/[0-9]*/cmdline 2>/dev/null | sed 's/[^0-9]//g'; }

# Until one nginx has none of them left; whichever it is, it is the one that was told.
await_workers() {
  [ -n "$old_workers" ] || return 0
  tries=0
  while [ $tries -lt 50 ]; do
    left=" $(workers | tr '\n' ' ')"
    # shellcheck disable=SC2086 # A list of words.
    for parent in $(printf '%s\n' $old_workers | sed 's/\..*//' | sort -u); do
      busy=no
      for one in $old_workers; do
        case $one in "$parent".*) case $left in *" ${one#*.} "*) busy=yes ;; esac ;; esac
      done
      [ $busy = yes ] || return 0
    done
    sleep 0.1
    tries=$((tries + 1))
  done
  log 'nginx was told to reload; five seconds later its old workers still serve'
}
