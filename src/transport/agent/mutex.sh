#!/bin/sh
# The mutex: one verb at a time changes something on a server, whoever asks.
#
# The verbs of a cutover follow each other at once, and everybody waits for the slowest server. So what prepares it may take the mutex for all of
# them: it is then held by this agent (descriptor 9 is open in both, so it is one lock), and none of them has to start a process to get it. It
# ends with `unlock`, with any other verb, with the agent, and when somebody else has waited for it for ten seconds.
#
# Where the agent has hands, both have the file open as descriptor 9 as long as they live, and they take and free it without a process. It is one lock:
# it is held until all of them, and whatever a verb has started, have ended.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.
# shellcheck disable=SC3013 # -ef: see hello.sh.

remembered='' # Nothing, see act_in_place.
own_birth=''

# Before a verb: sets `mutex` to `kept`, to `shared` where what the verb takes may be kept, or to nothing.
share_mutex() {
  # Somebody removed .lockstep: others would lock another file.
  [ "$has_hands" != hands ] || [ .lockstep/mutex -ef /proc/self/fd/9 ] || [ ! -e /proc/self/fd/9 ] || exit 1
  case $verb in
    ready | unpack | unpack-stored | lock | decide | switch | unlock)
      [ -n "$mutex$has_hands" ] || { exec 9>>.lockstep/mutex && mutex=shared; }
      ;;
    *) [ -z "$mutex" ] || drop_mutex ;;
  esac
}

# After a verb that ended with STATUS.
keep_mutex() { # STATUS
  if [ "$1" -ne 4 ]; then
    # Somebody killed it: what it had started may still be at work, and holds the mutex.
    [ -z "$has_hands" ] || [ "$1" -lt 128 ] || exit 1
    drop_mutex
  elif [ "$mutex" != kept ]; then
    mutex=kept
    [ -n "$own_birth" ] || ! find_birth $$ || own_birth=$born
    # Only who can be told to end may keep it.
    { [ -n "$own_birth" ] && note .lockstep/keeper "$$ $boot $own_birth"; } || drop_mutex
  fi
}

drop_mutex() {
  [ "$mutex" != kept ] || note .lockstep/keeper -
  if [ -n "$has_hands" ]; then free_mutex; else exec 9>&-; fi
  mutex='' remembered=''
}

free_mutex() { hands free || flock -u 9; }

# In a verb. False: it was not to be had.
take_mutex() {
  if [ "$mutex" = kept ] || hands own; then return 0; fi
  [ -n "$mutex$has_hands" ] || exec 9>>.lockstep/mutex
  flock -w 10 9 || { end_keeper HUP && flock -w 5 9; } || { end_keeper KILL && flock -w 585 9; }
}

# In the middle of a verb.
leave() {
  if [ -n "$has_hands" ]; then
    free_mutex
  else
    [ -z "$mutex" ] || flock -u 9 # The agent has it open, too.
    exec 9>&-
  fi
  mutex=''
}

# For what prepares a cutover: it is kept from now on, if REST says so.
answer_ready() { # REST JSON
  if [ "$1" = brief ]; then answer "$2" 4; else answer "$2"; fi
}

# The last that a verb of a cutover does: if the mutex is kept, it goes on being kept. In place it does not end the process: nothing may follow.
conclude() { # JSON [STATUS]
  if [ -n "$in_place" ]; then
    say "$1"
  elif [ "$mutex" = kept ]; then
    answer "$1" "${2:-4}"
  else
    answer "$1"
  fi
}

# The verbs of a cutover for which all is prepared, in the agent's own process: to start another takes as long as everything that they do. Whatever
# goes wrong ends the agent; the daemon connects again, and the next one does the same in a process that can tell why. False: not done here.
# What one of them has read or written, the next one remembers: nobody else may change it meanwhile. `remembered` is the epoch that has passed the
# fence.
act_in_place() {
  [ "$mutex" = kept ] && [ "$has_hands" = hands ] && [ "$size" -eq 0 ] && [ ! -s .lockstep/layout ] || return 1
  case $verb in lock | decide | switch | unlock) ;; *) return 1 ;; esac
  in_place=yes
  act
  status=$?
  in_place=''
  [ $status -eq 0 ] || return 1
  remembered=$epoch
  [ "$verb" != unlock ] || drop_mutex
}

# Tells an agent that keeps the mutex between two verbs to end: its daemon connects again if it is still there.
end_keeper() { # SIGNAL
  ! lives .lockstep/keeper || kill -s "$1" "$process" 2>/dev/null || :
}

# Does the process live that wrote `PID BOOT BORN` into FILE? Sets `process`. Told without starting one; false where it cannot be told.
lives() { # FILE
  process='' born=''
  [ ! -s "$1" ] || read -r process process_boot process_born <"$1" || return 1
  [ -n "$process" ] && find_time && [ "$boot" != none ] && [ "$boot" = "$process_boot" ] && find_birth "$process" && [ "$born" = "$process_born" ]
}

# Sets `born` to the start time of a process, proc(5): with it a number names one process only.
find_birth() { # PID
  # shellcheck disable=SC2034
  read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ born _ 2>/dev/null <"/proc/$1/stat" && [ -n "$born" ]
}
