#!/bin/sh
# hello: what the server has, and the files that must lie beside the releases.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.
# shellcheck disable=SC3013 # POSIX has -nt and -ef since 2024, and dash, bash, ksh and busybox had them long before.

# Payload: the with-lock script, the maintenance page (none: 0 BYTES), each so many BYTES long; then the layout. NAME says which these are: where
# they lie already there is no payload. LOOK: `tree` or `-`. Epoch 0 only looks: nobody is replaced, nothing is changed.
hello() { # BYTES BYTES NAME LOOK
  [ "$epoch" -eq 0 ] || enter
  if [ "$size" -gt 0 ]; then
    [ -n "$received" ] || { head -c "$1" >"$here/with-lock" && head -c "$2" >"$here/page" && cat >"$here/layout"; } <"$payload" || exit 1
    layout=$here/layout
  else
    is_placed "$2" "$3" || answer '{"state":"unplaced"}'
  fi
  find_current
  check_adoptable
  [ "$epoch" -eq 0 ] || [ "$size" -eq 0 ] || place "$2" "$3" || exit 1
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
  find_unpackers
  leave # What follows only reads, and may take a moment.
  tree=-
  if [ "$4" = tree ] && [ "$serving" != - ] && [ -d "releases/$serving" ]; then tree=$(tree_within 10 "releases/$serving"); fi
  found=''
  add_word current "$serving"
  add_word lock "${holder:--}"
  add_word revision "${revision:--}"
  add_word rsync "$rsync"
  add_word tree "$tree"
  answer "{$found\"sealed\":[$sealed],\"adopted\":[$adopted],\"freeBytes\":$free,\"freeInodes\":$inodes,\"unpacks\":[$unpacks]}"
}

# As receive_parts in unpack.sh.
receive_files() { # BYTES BYTES
  empty with-lock page layout 2>/dev/null || { said=$(empty with-lock page layout 2>&1) && false; } || return 1
  receive "$1" "$here/with-lock" "$2" "$here/page" $((size - $1 - $2)) "$here/layout" && received=yes
}

# Each file wholly or not at all. That all of them are there counts after they have come to stay.
place() { # BYTES NAME
  chmod 755 "$here/with-lock" && flush "$here/with-lock" "$here/page" "$here/layout" && rename "$here/with-lock" .lockstep/with-lock || return 1
  if [ -s "$here/layout" ]; then rename "$here/layout" .lockstep/layout; else [ ! -e .lockstep/layout ] || rm -f .lockstep/layout; fi || return 1
  layout=''
  [ "$1" -eq 0 ] || rename "$here/page" maintenance.html || return 1
  flush . .lockstep && put .lockstep/placed "$2"
}

is_placed() { # BYTES NAME
  placed=''
  [ ! -s .lockstep/placed ] || read -r placed <.lockstep/placed || return 1
  [ "$placed" = "$2" ] && [ -x .lockstep/with-lock ] || return 1
  [ "$1" -eq 0 ] || { [ -e maintenance.html ] && [ ! maintenance.html -nt .lockstep/placed ]; } || return 1
  [ ! -e .lockstep/layout ] || (read_layout) 2>/dev/null
}

# Sets `free` (bytes) and `inodes`.
find_space() {
  if hands space; then space=${went#y }; else space=$(stat -f -c '%a %S %d %c' .) || exit 1; fi
  read -r blocks block_size inodes all_inodes <<-end
	$space
	end
  free=$((blocks * block_size))
  [ "$all_inodes" -gt 0 ] || inodes=1000000000 # File systems without a fixed number of inodes.
}

# Sets `version` to the first line that a program prints about its version; empty: there is none. Asked again only when the program has changed.
find_version() { # PROGRAM
  version='' program='' known=.lockstep/version.$1
  # shellcheck disable=SC2015 # Either of them may fail.
  [ -s "$known" ] && { read -r program && IFS= read -r version; } <"$known" || version=''
  if [ -n "$version" ] && [ -x "$program" ] && [ "$known" -nt "$program" ]; then return 0; fi
  version=$("$1" --version 2>/dev/null)
  IFS= read -r version <<-end
	$version
	end
  case $version in *[!A-Za-z0-9.\(\)\ -]*) version=$(printf %s "$version" | tr -cd 'A-Za-z0-9.() -') ;; esac
  if [ -n "$version" ] && [ "$epoch" -gt 0 ]; then { command -v "$1" && printf '%s\n' "$version"; } 2>/dev/null >"$known"; fi
}

# Sets `rsync` to its version; `-`: there is none.
find_rsync() {
  find_version rsync
  rsync=${version#*version }
  while [ "$rsync" != "${rsync# }" ]; do rsync=${rsync# }; done
  rsync=${rsync%% *}
  case $version$rsync in *version*[0-9]) case $rsync in *[!0-9.]*) rsync=- ;; esac ;; *) rsync=- ;; esac
}

# Sets `unpacks` to the compressions of packs that `unpack` can read: none at all without GNU tar.
find_unpackers() {
  unpacks=''
  find_version tar
  case $version in *'GNU tar'*) unpacks='"none"' ;; *) return 0 ;; esac
  for one in gzip zstd; do ! command -v "$one" >/dev/null || unpacks="$unpacks,\"$one\""; done
}

# Adds to `found`, without a process where nothing has to be quoted.
add_word() { # KEY WORD. WORD `-`: null.
  case $2 in
    -) found="$found\"$1\":null," ;;
    *[!A-Za-z0-9._-]*) found="$found\"$1\":$(quoted "$2")," ;;
    *) found="$found\"$1\":\"$2\"," ;;
  esac
}

null_or() { if [ "$1" = - ]; then echo null; else quoted "$1"; fi; }
