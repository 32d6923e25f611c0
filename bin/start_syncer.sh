#!/usr/bin/env bash
# Starts a syncer, in the foreground or as a daemon. See --help.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SYNCER_HOME=$(dirname "$here")
export SYNCER_HOME

usage() {
    cat <<'USAGE'
Usage: start_syncer.sh [options] [-- flags of ccr_syncer]

  --daemon              run in the background
  --host HOST           name under which other syncers reach this one (127.0.0.1)
  --port PORT           port of the HTTP API (9190)
  --log_level LEVEL     panic, fatal, error, warn, info, debug or trace (daemon: info, foreground: trace)
  --log_dir FILE        log file, or a directory for it (LOG_DIR, else log/HOST_PORT.log)
  --pid_dir DIR         where HOST_PORT.pid is written (the directory of this script)
  --db_type TYPE        metadata database: sqlite3, mysql or postgresql (sqlite3)
  --db_dir FILE         file of the SQLite database (db/ccr.db)
  --db_host HOST        host of the metadata database (127.0.0.1)
  --db_port PORT        port of the metadata database (3306)
  --db_user USER        user of the metadata database
  --db_password WORD    its password; better in the environment variable CCR_DB_PASSWORD, which no list of processes shows
  --db_name NAME        database or schema of the metadata (ccr)
  --config_file FILE    file with lines key=value; its values go before those given here
  --connect_timeout T   longest wait for a connection to a FE or BE (10s)
  --rpc_timeout T       longest wait for an answer of a FE or BE (30s)
  --pprof BOOL          accepted for old scripts (false)
  --pprof_port PORT     accepted for old scripts (6060)
  -h, --help            this text

Every flag of ccr_syncer can follow after --, for example: start_syncer.sh --daemon -- -commit_txn_timeout 60s
USAGE
}

fail() {
    echo "start_syncer.sh: $*" >&2
    exit 1
}

daemon=false
host=127.0.0.1 port=9190
log_level='' log_dir=${LOG_DIR:-} pid_dir=$here
db_type=sqlite3 db_dir=$SYNCER_HOME/db/ccr.db db_host=127.0.0.1 db_port=3306 db_user='' db_name=ccr
config_file='' connect_timeout=10s rpc_timeout=30s pprof=false pprof_port=6060

while (($# > 0)); do
    name=$1
    shift
    case $name in
        --)
            break
            ;;
        -h | --help)
            usage
            exit 1
            ;;
        --daemon)
            daemon=true
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
        *)
            fail "unexpected argument \"$name\": flags of ccr_syncer follow after --; see --help"
            ;;
    esac
    case $name in
        --host) host=$value ;;
        --port) port=$value ;;
        --log_level) log_level=$value ;;
        --log_dir) log_dir=$value ;;
        --pid_dir) pid_dir=$value ;;
        --db_type) db_type=$value ;;
        --db_dir) db_dir=$value ;;
        --db_host) db_host=$value ;;
        --db_port) db_port=$value ;;
        --db_user) db_user=$value ;;
        # Not an argument of the program: lists of processes show those.
        --db_password) export CCR_DB_PASSWORD=$value ;;
        --db_name) db_name=$value ;;
        --config_file) config_file=$value ;;
        --connect_timeout) connect_timeout=$value ;;
        --rpc_timeout) rpc_timeout=$value ;;
        --pprof) pprof=$value ;;
        --pprof_port) pprof_port=$value ;;
        *) fail "there is no option $name; flags of ccr_syncer follow after --; see --help" ;;
    esac
done

export PID_DIR=$pid_dir
mkdir -p "$pid_dir" || fail "cannot make the directory $pid_dir"
pid_file=$pid_dir/${host}_$port.pid
if [[ -f $pid_file ]]; then
    pid=$(<"$pid_file")
    # A number that another program has by now is as stale as one that nobody has.
    if [[ $pid =~ ^[0-9]+$ && $(ps -o comm= -p "$pid" 2>/dev/null) == ccr_syncer ]]; then
        fail "a syncer runs as process $pid already ($pid_file); stop it first"
    fi
    rm -f "$pid_file"
fi
if [[ $db_type == sqlite3 && -n $db_user ]]; then
    fail "db_user is for mysql and postgresql; sqlite3 is a local file"
fi

program=$here/ccr_syncer
[[ -f $program ]] || fail "$program is missing"
[[ -x $program ]] || chmod 755 "$program"

log_file=${log_dir:-$SYNCER_HOME/log/}
if [[ -d $log_file || $log_file == */ ]]; then
    log_file=${log_file%/}/${host}_$port.log
fi
mkdir -p "$(dirname "$log_file")"
[[ $db_type != sqlite3 ]] || mkdir -p "$(dirname "$db_dir")"
echo "start time: $(date)" >>"$log_file"

flags=(-host "$host" -port "$port" -log_filename "$log_file"
    -db_type "$db_type" -db_dir "$db_dir" -db_host "$db_host" -db_port "$db_port" -db_name "$db_name"
    -connect_timeout "$connect_timeout" -rpc_timeout "$rpc_timeout" -pprof="$pprof" -pprof_port "$pprof_port")
[[ -z $db_user ]] || flags+=(-db_user "$db_user")
[[ -z $config_file ]] || flags+=(-config_file "$config_file")

if [[ $daemon != true ]]; then
    # The program takes this process over: signals reach it, and its exit code is that of the script.
    echo $$ >"$pid_file"
    exec "$program" "${flags[@]}" -log_level "${log_level:-trace}" -log_also_to_stderr "$@"
fi

# What is said before and beside the log, a crash for example. Not the log file: that one is rotated.
out_file=${log_file%.log}.out
nohup "$program" "${flags[@]}" -log_level "${log_level:-info}" "$@" >>"$out_file" 2>&1 </dev/null &
pid=$!
echo "$pid" >"$pid_file"
# What is wrong with flags, port or database shows at once.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    if ! kill -0 "$pid" 2>/dev/null; then
        rm -f "$pid_file"
        tail -n 1 "$out_file" >&2
        fail "the syncer ended at once; see $out_file and $log_file"
    fi
    sleep 0.1
done
