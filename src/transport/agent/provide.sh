#!/bin/sh
# provide, provided: files from outside the repository.
# The application may read them where the daemon says so (0644); those with a secret are the account's alone, from
# their first byte. So the directories are open, and the files are not.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

provide() { # RELEASE INDEX-BYTES. Payload: of each file a line `MODE SIZE PATH`; then their bytes, one file after the other.
  need_name "$1"
  enter
  files=.lockstep/files/$1 new=.lockstep/files/.new.$1
  make_session || exit 1
  rm -rf "$new" && mkdir "$new" || exit 1
  index=$session/index
  if [ "$size" -gt 0 ]; then spread "$2"; else index=/dev/null; fi
  if [ -d "$files" ]; then
    replace_files
  else
    mv -T "$new" "$files" || exit 1
  fi
  sync .lockstep/files || exit 1
  answer '{}'
}

# Every file is whole and durable before any of them takes its place.
spread() {
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
