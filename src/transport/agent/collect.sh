#!/bin/sh
# collect: what is no longer needed goes.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

# AHEAD (`ahead`: prepare the next release). Payload: the releases to keep, one a line.
collect() { # AHEAD. Removes only what Lockstep brought: what was there before it may hold anything.
  enter
  find_current
  idle_release=''
  [ -z "$letter_a" ] || idle_release=$(readlink "$idle")
  stuck=''
  for changes in .lockstep/manifests/.changes.*; do
    release=${changes#*/.changes.}
    is_name "$release" || continue
    ! is_sealed "$release" || list_hashes "$release" | keep ".lockstep/manifests/$release" || exit 1
    rm -f ".lockstep/manifests/.changes.$release"
  done
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
  for clone in .lockstep/next/* .lockstep/next/.new.*; do
    case ${clone##*/} in "$serving") [ "$1" != ahead ] || continue ;; esac
    [ ! -d "$clone" ] || mv -T "$clone" ".lockstep/incoming/.next.${clone##*/}" || exit 1
  done
  find . -maxdepth 1 -name '.current.*' -type l -delete
  # What was being written when an agent was killed.
  find . .lockstep .lockstep/releases .lockstep/manifests -maxdepth 1 -name '*.new.[0-9]*' -type f -delete
  rm -rf .lockstep/packs
  for other in .lockstep/agent-*; do
    case $other in ".lockstep/${0##*/}" | ".lockstep/${0##*/}.ready") continue ;; esac
    rm -f "$other"
  done
  for other in .lockstep/session.*; do [ ! -e "$other" ] || kill -0 "${other##*.}" 2>/dev/null || rm -rf "$other"; done
  find .lockstep/operations -mindepth 1 -maxdepth 1 -printf '%T@ %P\n' | sort -rn | tail -n +201 | cut -d ' ' -f 2 |
    while read -r old; do rm -rf ".lockstep/operations/$old"; done
  [ ! -f .lockstep/log ] || [ "$(wc -c <.lockstep/log)" -lt 262144 ] || { tail -c 65536 .lockstep/log | keep .lockstep/log; }
  leave
  # Nobody looks at what is in incoming/ now: this may take its time.
  warnings=$(find .lockstep/incoming -mindepth 1 -maxdepth 1 -exec rm -rf -- {} + 2>&1 | head -n 5)
  [ "$1" != ahead ] || clone_ahead >/dev/null 2>&1
  answer "{\"warnings\":$(quoted "$stuck$warnings")}"
}
