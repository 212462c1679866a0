#!/bin/sh
# hands: a process that renames, unlinks and locks for the agent, so that a cutover starts no program on any server.
#
# To start `mv`, `rm` or `flock` takes a server one to two milliseconds of its processor: nothing for one, but of a fleet everybody waits for the
# slowest, and servers share machines. Where there is a perl, it is started before the agent, which becomes its child, and waits for lines on a
# pipe (descriptor 5 here); each is answered by `y` or `n` (descriptor 6). Of what it starts the last words are the PATH, any word, and `hands`.
# What it could not do, and everything where there is no perl, is done by the program, which also says why not. So is what holds another character
# than the agent's own names do, such as a path of the configuration.
# shellcheck disable=SC2034,SC2154 # What is set here is used there, and the other way round.

# It ends when the agent ends: what others have inherited of its pipes keeps it no longer. LOCK_EX | LOCK_NB is 6, LOCK_UN 8, see flock(2);
# of waitpid(2) WNOHANG is 1; EINTR is 4, ECHILD 10; F_SETPIPE_SZ of Linux is 1031, see fcntl(2).
: <<'end'
#!perl
$^F = 6;
pipe(my $asked, my $ask) && pipe(my $told, my $tell) or die;
$^F = 9;
my $ready = fileno($ask) == 5 && fileno($told) == 6 && chdir($ARGV[-3]);
my @opened; # Until it is descriptor 9, as mutex.sh knows it.
while ($ready && (!@opened || fileno($opened[-1]) < 9)) {
  $ready = open(my $file, '>>', '.lockstep/mutex');
  push(@opened, $file);
}
my $mutex = pop(@opened);
undef(@opened);
if (!$ready || fileno($mutex) != 9) { $ARGV[-1] = 'none'; exec(@ARGV) }
my $agent = fork // die;
$agent or exec(@ARGV) or die;
my ($looker, $looked) = (0);
$SIG{CHLD} = sub {
  local ($!, $?); # It may come in the midst of `looked`.
  while ((my $ended = waitpid(-1, 1)) > 0) {
    exit($? >> 8) if $ended == $agent;
    $looked = $? if $ended == $looker;
  }
};
close($ask);
close($told);
umask(077);
my $lines = sub { local $/ = $_[1]; open(my $file, '<', $_[0]) or die; my @all = <$file>; chomp(@all); @all };
my $word = sub { open(my $file, '<', $_[0]) or return ''; (split(/ /, <$file> =~ s/\n//r))[$_[1]] };
# Nothing that every perl has syncs or counts free space, so the kernel is asked by number: see syscalls(2) and, for all but x86_64,
# asm-generic/unistd.h. Which one this perl speaks to is in its own ELF header, see elf(5).
my $header = sub { local $/ = \20; open(my $self, '<', '/proc/self/exe') or return "\0" x 20; scalar(<$self>) };
my ($class, $machine) = unpack('x4 C x13 v', $header->());
my %number =
    $class == 2 && $machine == 62 ? (statfs => 137, fsync => 74, syncfs => 306, setsid => 112)
  : $class == 2 && ($machine == 183 || $machine == 243) ? (statfs => 43, fsync => 82, syncfs => 267, setsid => 157)
  : ();
my $sync = sub {
  my ($how, @names) = @_;
  for (@names) {
    $number{$how} && open(my $file, '<', $_) or return $! = 0;
    syscall($number{$how}, fileno($file)) == 0 or return;
  }
  1;
};
my $locked = sub { open(my $file, '>>', $_[0]) or return; flock($file, 6) or return; $file };
my $apart = sub {
  $^F = 2;
  $SIG{CHLD} = 'DEFAULT';
  close($asked);
  close($tell);
  close($mutex);
  open(STDIN, '<', '/dev/null');
  open(STDOUT, '>>', $_[0]);
  open(STDERR, '>>', $_[0]);
};
# Of a session of its own it is known how urgent it is, see sched(7); elsewhere nice(2) says so.
my $urge = sub { open(my $group, '>', "/proc/$_[0]/autogroup") or return; syswrite($group, $_[1]) };
my $look = sub {
  my ($release, $found) = @_;
  $apart->($found);
  syscall($number{setsid}) == $$ and $urge->($$, 19);
  setpriority(0, 0, 10);
  exec('find', ".lockstep/next/$release", '-cnewer', '.lockstep/sound', '-print', '-quit');
};
my $watch = sub {
  setpgrp(0, 0);
  $SIG{HUP} = 'IGNORE';
  $apart->('/dev/null');
  my ($sh, $agent, undef, $path) = @ARGV;
  $0 = "lockstep-watchdog $path"; # No space in the first 15 characters: proc(5) has them in the midst of its fields.
  my $mine = $locked->('.lockstep/watchdog') or exit(0);
  my ($boot, $born) = ($word->('/proc/sys/kernel/random/boot_id', 0), $word->("/proc/$$/stat", 21));
  truncate($mine, 0);
  syswrite($mine, "$$ $boot $born\n") if $boot && $born;
  my $locked_for = 0;
  for (1 .. 3600) {
    sleep(1);
    exit(0) if !-d '.lockstep'; # Somebody removed all of it.
    $locked_for = -e '.lockstep/lock' ? $locked_for + 1 : 0;
    last if $locked_for == 3;
    next if $locked_for || -e '.lockstep/ready';
    my $still = $locked->('.lockstep/mutex') or next;
    next if -e '.lockstep/ready' || -e '.lockstep/lock';
    truncate($mine, 0);
    exit(0);
  }
  exec($sh, $agent, 'watchdog', $path, 'begun');
};
my %can = (
  rename => sub { rename($_[0], $_[1]) },
  unlink => sub { my $left = 0; for (@_) { $left++ unless unlink($_) || !lstat($_) } !$left },
  symlink => sub { unlink($_[1]); symlink($_[0], $_[1]) },
  directories => sub { my ($list, $root) = @_; for ($lines->($list, "\n")) { lstat("$root/$_"); -d _ or return } 1 },
  forget => sub { my ($list, $root) = @_; for ($lines->($list, "\0")) { unlink("$root/$_") || !lstat("$root/$_") or return } 1 },
  receive => sub {
    # What a pipe does not take waits in sshd, which copies all that waits whenever more comes: that took it more time than anything else.
    fcntl(STDIN, 1031, 1048576);
    while (my ($bytes, $name) = splice(@_, 0, 2)) {
      open(my $file, '>>', $name) or return;
      while ($bytes > 0) {
        my $got = sysread(STDIN, my $text, $bytes < 65536 ? $bytes : 65536);
        next if !defined($got) && $! == 4;
        return if !$got;
        for (my $put = 0; $put < $got; ) { $put += syswrite($file, $text, $got - $put, $put) || return }
        $bytes -= $got;
      }
      close($file) or return;
    }
    1;
  },
  watch => sub {
    open(my $file, '>>', '.lockstep/watchdog') or return;
    flock($file, 6) or return 1; # One lives.
    close($file);
    my $child = fork;
    defined($child) && !$child ? $watch->() : $child;
  },
  look => sub {
    $number{setsid} or return;
    my $child = fork // return;
    $child or $look->(@_) or exit(127);
    ($looker, $looked) = ($child, undef);
  },
  looked => sub {
    $urge->($looker, 0); # Somebody waits now.
    until (defined($looked)) {
      if (waitpid($looker, 0) == $looker) { $looked = $? } elsif (!defined($looked) && $! == 10) { return }
    }
    $looked == 0;
  },
  directory => sub { mkdir($_[0]) },
  fsync => sub { $sync->('fsync', @_) },
  syncfs => sub { $sync->('syncfs', @_) },
  space => sub {
    $number{statfs} or return;
    my ($path, $space) = ('.', "\0" x 256);
    syscall($number{statfs}, $path, $space) == 0 or return;
    my (undef, $size, undef, undef, $free, $inodes, $free_inodes, undef, undef, $unit) = unpack('q10', $space);
    ' ' . join(' ', $free, $unit || $size, $free_inodes, $inodes);
  },
  own => sub { flock($mutex, 6) },
  free => sub { flock($mutex, 8) },
  try => sub { $locked->($_[0]) },
);
while (defined(my $line = <$asked>)) {
  chomp($line);
  my ($what, @names) = split(/ /, $line);
  $! = 0;
  my $done = eval { $can{$what}->(@names) };
  syswrite($tell, !$done ? "n $!\n" : $done =~ /^ / ? "y$done\n" : "y\n");
}
$SIG{CHLD} = 'DEFAULT';
waitpid($agent, 0);
exit($? >> 8);
__END__
end

# Begins again as the child of the perl that works as its hands; does nothing where there is none.
begin_with_hands() { # PATH NONCE
  if [ -s "$0.ready" ] && read -r perl <"$0.ready" && [ -x "$perl" ]; then exec "$perl" -x "$0" sh "$0" serve "$1" "$2" hands; fi
}

# The agent has not read further than here then.
has_hands=''
if [ "$1" = serve ]; then
  has_hands=${4:-}
  [ -n "$has_hands" ] || begin_with_hands "$2" "$3"
fi

# Prints the perl that works as hands here; nothing: there is none.
find_hands() {
  # shellcheck disable=SC2016 # The inner shell expands these.
  ! perl=$(command -v perl) ||
    ! "$perl" -x "$0" sh -c ': >"$1" && echo "unlink $1" >&5 && read -r went <&6 && [ "$went" = y ] && [ ! -e "$1" ]' "$PWD" .lockstep/hands hands 2>/dev/null 3>&- ||
    echo "$perl"
}

# True: it is done. `went` is what they said: `n`, or `n` and why it failed. For verbs only: they follow one another.
hands() {
  went=n
  [ "$has_hands" = hands ] || return 1
  # A word that falls apart at a space would be names of other files.
  for word in "$@"; do
    case $word in '' | *[!A-Za-z0-9._/-]*) return 1 ;; esac
  done
  trap '' PIPE # They may have been killed.
  ! echo "$*" >&5 || read -r went <&6 || went=n
  trap 'exit 1' PIPE
  case $went in y | 'y '*) ;; *) return 1 ;; esac
}

rename() { hands rename "$1" "$2" || mv -T "$1" "$2"; } # FROM TO

remove() { hands unlink "$@" || rm -f "$@"; } # FILES, of which some may not be there

point() { hands symlink "$1" "$2" || ln -sfn "$1" "$2"; } # TARGET LINK

# Are the lines of FILE directories below ROOT, and none of them a link? A shell reads long lists slowly. False: perhaps not.
are_directories() { hands directories "$1" "$2"; } # FILE ROOT

# Removes below ROOT what FILE lists, each with a zero byte behind it; of directories all that is in them.
forget() { hands forget "$1" "$2" || (cd "$2" && xargs -0 rm -rf --) <"$1"; } # FILE ROOT

# The next BYTES of standard input are added to FILE. False: `said` tells why not, and what comes next is in the middle of them.
receive() { hands receive "$@" || { said=${went#n } && return 1; }; } # BYTES FILE [BYTES FILE]...

# FILES and directories have come to stay.
flush() { hands fsync "$@" || { is_unsynced "$@" && sync "$@"; }; }

# So has everything on the file system of DIRECTORY.
flush_all() { hands syncfs "$1" || { is_unsynced "$1" && sync -f "$1"; }; }

# Could the hands not try it? False: it failed, and is not tried again: the kernel tells of each failure once only.
is_unsynced() { # WHAT
  [ "$went" = n ] || { echo "$* could not be synced: ${went#n }" >&2 && return 1; }
}

# Is there a watchdog, or has what becomes one when a lock lasts been started? It costs next to nothing until then.
watch() { hands watch; }

is_free() { hands try "$1"; } # FILE. True: nobody holds a lock on it. False: somebody may.
