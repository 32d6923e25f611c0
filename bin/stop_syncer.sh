#!/usr/bin/env bash
# Stops syncers that start_syncer.sh started. See --help.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'USAGE'
Usage: stop_syncer.sh [options]

  --pid_dir DIR     where the files HOST_PORT.pid are (the directory of this script)
  --files "A B"     only these files of it
  --host HOST       with --port: only HOST_PORT.pid (127.0.0.1)
  --port PORT       with --host: only HOST_PORT.pid
  --timeout S       seconds that a syncer gets to end by itself before it is killed (60)
  --grace           never kill it, however long it takes
  --force           kill it at once
  -h, --help        this text

Without --files and --port every syncer of the directory is stopped. A syncer that is asked to end writes down where its jobs are and hands
them over; one that is killed is found out by its peers only after some seconds. The exit code is 1 if one could not be stopped.
USAGE
}

fail() {
    echo "stop_syncer.sh: $*" >&2
    exit 1
}

pid_dir=$here files='' host=127.0.0.1 port='' timeout=60 way=ask

while (($# > 0)); do
    name=$1
    shift
    case $name in
        # The only way to say it to the Go program's script was behind this.
        --) continue ;;
        -h | --help)
            usage
            exit 1
            ;;
        --grace)
            way=grace
            continue
            ;;
        --force)
            way=force
            continue
            ;;
        --*=*)
            value=${name#*=}
            name=${name%%=*}
            ;;
        --*)
            (($# > 0)) || fail "option $name needs a value; see --help"
            value=$1
            shift
            ;;
        *) fail "unexpected argument \"$name\"; see --help" ;;
    esac
    case $name in
        --pid_dir) pid_dir=$value ;;
        --files) files=$value ;;
        --host) host=$value ;;
        --port) port=$value ;;
        --timeout) timeout=$value ;;
        *) fail "there is no option $name; see --help" ;;
    esac
done
[[ $timeout =~ ^[0-9]+$ ]] || fail "--timeout takes seconds"

chosen=()
if [[ -n $files ]]; then
    read -r -a names <<<"$files"
    for name in "${names[@]}"; do
        chosen+=("$pid_dir/$name")
    done
elif [[ -n $host && -n $port ]]; then
    chosen=("$pid_dir/${host}_$port.pid")
else
    shopt -s nullglob
    chosen=("$pid_dir"/*.pid)
    ((${#chosen[@]} > 0)) || fail "there is no pid file in $pid_dir"
fi

alive() {
    # A process that ended and was not waited for is gone, too.
    local state
    state=$(ps -o stat= -p "$1" 2>/dev/null) && [[ $state != Z* ]]
}

# Stops the process of one pid file. What is wrong with it does not concern the others.
stop() {
    local file=$1 pid waited=0
    if [[ ! -f $file ]]; then
        echo "ERROR: there is no file $file" >&2
        return 1
    fi
    pid=$(<"$file")
    if [[ ! $pid =~ ^[0-9]+$ ]]; then
        echo "ERROR: $file holds no process number" >&2
        return 1
    fi
    if ! alive "$pid"; then
        echo "ERROR: process $pid of $file does not run; the file is removed" >&2
        rm -f "$file"
        return 1
    fi
    if [[ $(ps -o comm= -p "$pid") != ccr_syncer ]]; then
        echo "ERROR: process $pid of $file is no syncer" >&2
        return 1
    fi
    if [[ $way == force ]]; then
        kill -KILL "$pid" 2>/dev/null || true
    else
        kill -TERM "$pid" 2>/dev/null || true
    fi
    while alive "$pid"; do
        if [[ $way == ask ]] && ((waited >= timeout * 10)); then
            echo "process $pid did not end within $timeout s and is killed"
            kill -KILL "$pid" 2>/dev/null || true
        elif ((waited % 20 == 19)); then
            echo "waiting for process $pid to end"
        fi
        sleep 0.1
        waited=$((waited + 1))
    done
    rm -f "$file"
    echo "stopped the syncer with process $pid"
}

failed=0
for file in "${chosen[@]}"; do
    stop "$file" || failed=1
done
exit "$failed"
