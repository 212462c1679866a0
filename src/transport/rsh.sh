#!/bin/sh
# What rsync calls instead of ssh: rsh.sh CONFIG CONTROL SERVER HOST COMMAND... runs COMMAND on the open connection CONTROL.
# rsync takes everything it hears for its protocol, but login shells may print a greeting. So what comes before a mark is left out.
# HOST comes from rsync's own arguments and means nothing: the connection is already there.
config=$1 control=$2 server=$3
shift 4
mark=lockstep-$$
{
  status=$({ {
    ssh -F "$config" -S "$control" -o ControlMaster=no -o ProxyCommand=false -- "$server" "echo $mark; exec" "$@" 4>&-
    echo $? >&4
  } | {
    while IFS= read -r line; do
      case $line in *"$mark") exec cat ;; esac
    done
  } >&3 4>&-; } 4>&1)
} 3>&1
exit "${status:-255}"
