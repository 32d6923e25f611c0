#!/usr/bin/env bash
# Pauses a job and makes the tables of its destination ordinary tables again. See -H.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: desync.sh [-h HOST] [-p PORT] -j JOB

  -h HOST  a syncer of the deployment (127.0.0.1)
  -p PORT  port of its HTTP API (9190)
  -j JOB   the job
  -H       this text

Needs curl. While no syncer answers it tries again every 3 seconds. Used for a switch of sides: afterwards the destination can be written to
and its dynamic partitions and cooldown rules act.
USAGE
}

fail() {
    echo "desync.sh: $*" >&2
    exit 1
}

host=127.0.0.1 port=9190 job=''
while getopts 'h:p:j:H' option; do
    case $option in
        h) host=$OPTARG ;;
        p) port=$OPTARG ;;
        j) job=$OPTARG ;;
        H)
            usage
            exit 0
            ;;
        *)
            usage >&2
            exit 1
            ;;
    esac
done
shift $((OPTIND - 1))
(($# == 0)) || fail "unexpected argument \"$1\"; see -H"
[[ -n $job ]] || fail "the job is missing: give it with -j"
command -v curl >/dev/null || fail "curl is missing"

case $host in
    *:*) host="[$host]" ;;
esac
# The name as a JSON text.
name=${job//\\/\\\\}
name=${name//\"/\\\"}

# Posts to a route, wherever the job runs, until there is an answer that says success.
post() {
    local answer
    until answer=$(curl --silent --show-error --location --post303 --max-time 60 \
        --request POST --data "{\"name\": \"$name\"}" "http://$host:$port$1"); do
        echo "no answer from $host:$port, trying again in 3 s" >&2
        sleep 3
    done
    case $answer in
        *'"success":true'*) ;;
        *) fail "$1 of job $job failed: $answer" ;;
    esac
}

post /pause
echo "job $job is paused"
post /desync
echo "the destination of job $job is an ordinary one now"
