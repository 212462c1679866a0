#!/bin/sh
# with-lock COMMAND...: starts a bot (a cron job, a worker) so that deployments wait for it, and never during a deployment.
# Exits 75 (EX_TEMPFAIL: try again later) while the server is locked; otherwise becomes the command, which holds a shared lock
# until it and everything it started have ended. Lives in PATH/.lockstep/, where Lockstep keeps it up to date.
set -u
lockstep=$(dirname -- "$(readlink -f -- "$0")")
[ $# -gt 0 ] || { echo 'usage: with-lock COMMAND...' >&2 && exit 64; }
[ ! -e "$lockstep/../maintenance" ] || exit 75
exec 9<"$lockstep/bots" || exit 69
flock -s 9 || exit 69
# Raised while we waited?
[ ! -e "$lockstep/../maintenance" ] || exit 75
exec "$@"
