# shellcheck shell=bash disable=SC2154 # sourced; dir and patience are the caller's
# Processes that scripts start and end again. Each has a folder below $dir: run (how it is started), pid (its number and
# when it began), log, and its data. A number that went to another process is never hit.

say() { printf '%s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

# ports COUNT : random ports on which nobody answers, each given once per run. They lie below those that
# outgoing connections use (32768 and up), which could take one between this look and the server's bind.
ports() {
    local want=$1 port
    touch "$dir/ports"
    while [ "$want" -gt 0 ]; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if grep -qx "$port" "$dir/ports" || (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            continue
        fi
        echo "$port" >>"$dir/ports"
        echo "$port"
        want=$((want - 1))
    done
}

# born PID : when a process began, in clock ticks since boot (field 22 of its stat, whose second may hold blanks).
born() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

# alive NAME : whether the process of that folder runs; its number may be another's by now, and one that ended at once
# has no beginning. Sets pid.
alive() {
    local began
    [ -f "$dir/$1/pid" ] && read -r pid began <"$dir/$1/pid" && [ -n "$began" ] && [ "$(born "$pid")" = "$began" ]
}

# define NAME : keeps standard input, a shell script that ends in exec, as the way to start NAME.
define() {
    mkdir -p "$dir/$1"
    { echo '#!/usr/bin/env bash' && cat; } >"$dir/$1/run"
    chmod 755 "$dir/$1/run"
}

# run NAME : starts it in a session of its own: no terminal ends it, and what it starts ends with it.
run() {
    [ -x "$dir/$1/run" ] || die "$1 was not started from $dir; see: ls $dir"
    if alive "$1"; then die "$1 runs already, process $pid"; fi
    [ ! -f "$dir/$1/log" ] || mv "$dir/$1/log" "$dir/$1/log.old"
    (cd "$dir/$1" && exec setsid ./run >log 2>&1 </dev/null) &
    local began
    began=$(born $!) || true
    echo "$! $began" >"$dir/$1/pid"
    disown $! # the shell has nothing to say about its end
}

# await NAME COMMAND… : asks until COMMAND says yes.
await() {
    local name=$1 deadline=$((SECONDS + patience))
    shift
    until "$@" >/dev/null 2>&1; do
        if ! alive "$name" || [ "$SECONDS" -ge "$deadline" ]; then
            tail -n 20 "$dir/$name/log" >&2
            die "$name did not start within $patience s or ended; its log is $dir/$name/log"
        fi
        sleep 0.2
    done
}
logged() { grep -q "$2" "$dir/$1/log"; }
answers() { curl -fsS --max-time 2 -o /dev/null "$@"; }

# export_as NAME VALUE : a line of the file that tells tests and nodes where the servers are.
export_as() { printf "export %s='%s'\n" "$1" "$2" >>"$dir/env"; }

names() { find "$dir" -mindepth 2 -maxdepth 2 -name pid -printf '%h\n' 2>/dev/null | sed 's|.*/||' | sort; }

# status : a line for each process, and whether there are any and all run.
status() {
    local name some='' ended=''
    for name in $(names); do
        some=yes
        if alive "$name"; then
            echo "$name runs, process $pid"
        else
            echo "$name ended, see $dir/$name/log"
            ended=yes
        fi
    done
    [ -n "$some" ] && [ -z "$ended" ]
}

# crash NAME : ends it at once, as a crash would.
crash() {
    alive "$1" || die "$1 does not run"
    kill -KILL -- "-$pid"
    while alive "$1"; do sleep 0.05; done
}

# signal NAME PROCESS : sends a signal to all of it.
signal() {
    alive "$2" || die "$2 does not run"
    kill "-$1" -- "-$pid"
}

# stop : TERM to all, KILL to what is left: of brokers that end together the last wait for a quorum that is gone.
stop() {
    local name deadline=$((SECONDS + 10)) left
    for name in $(names); do
        if alive "$name"; then kill -TERM -- "-$pid" 2>/dev/null && kill -CONT -- "-$pid" 2>/dev/null || true; fi
    done
    while :; do
        left=
        for name in $(names); do
            if alive "$name"; then left="$left $name"; fi
        done
        [ -n "$left" ] || break
        if [ "$SECONDS" -ge "$deadline" ]; then
            for name in $left; do
                if alive "$name"; then kill -KILL -- "-$pid" 2>/dev/null || true; fi
            done
        fi
        sleep 0.1
    done
}
