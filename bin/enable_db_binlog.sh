#!/usr/bin/env bash
# Switches the binlog of a database and of all its tables on. See -H.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: enable_db_binlog.sh [-h HOST] [-p PORT] [-u USER] [-P PASSWORD] [-t SECONDS] -d DATABASE

  -h HOST      a FE of the cluster (127.0.0.1)
  -p PORT      its MySQL port (9030)
  -u USER      an account that may ALTER the database and its tables (root)
  -P PASSWORD  its password; better in the environment variable MYSQL_PWD, which no list of processes shows
  -d DATABASE  the database
  -t SECONDS   how long binlogs are kept (86400)
  -H           this text

Needs the mysql client. Tables that have a binlog already are left as they are; views and external tables have none. It can be run again at
any time, for example after a failure.
USAGE
}

fail() {
    echo "enable_db_binlog.sh: $*" >&2
    exit 1
}

host=127.0.0.1 port=9030 user=root db='' ttl=86400
while getopts 'h:p:u:P:d:t:H' option; do
    case $option in
        h) host=$OPTARG ;;
        p) port=$OPTARG ;;
        u) user=$OPTARG ;;
        # Not an argument of the client: lists of processes show those.
        P) export MYSQL_PWD=$OPTARG ;;
        d) db=$OPTARG ;;
        t) ttl=$OPTARG ;;
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
[[ -n $db ]] || fail "the database is missing: give it with -d"
[[ $ttl =~ ^[1-9][0-9]*$ ]] || fail "-t takes seconds"
command -v mysql >/dev/null || fail "the mysql client is missing"

query() {
    mysql --host="$host" --port="$port" --user="$user" --protocol=TCP --batch --raw --skip-column-names --execute="$1"
}

# An identifier in backticks.
quoted() {
    # The backticks are meant.
    # shellcheck disable=SC2016
    printf '`%s`' "${1//\`/\`\`}"
}

enabled='"binlog.enable" = "true"'
properties="\"binlog.enable\" = \"true\", \"binlog.ttl_seconds\" = \"$ttl\""
name=$(quoted "$db")

# A failed connection, a wrong password and an unknown database end it here.
database=$(query "SHOW CREATE DATABASE $name") || fail "database $db cannot be read"
tables=$(query "SHOW FULL TABLES FROM $name") || fail "the tables of $db cannot be read"

while IFS=$'\t' read -r table kind _; do
    [[ -n $table ]] || continue
    if [[ $kind != *"BASE TABLE"* ]]; then
        echo "$db.$table has no binlog: $kind"
        continue
    fi
    create=$(query "SHOW CREATE TABLE $name.$(quoted "$table")") || fail "$db.$table cannot be read"
    case $create in
        *ENGINE=OLAP*) ;;
        *)
            echo "$db.$table has no binlog: it is no table of Doris itself"
            continue
            ;;
    esac
    if [[ $create == *"$enabled"* ]]; then
        echo "$db.$table has a binlog already"
        continue
    fi
    query "ALTER TABLE $name.$(quoted "$table") SET ($properties)" || fail "the binlog of $db.$table cannot be switched on"
    echo "$db.$table has a binlog now"
done <<<"$tables"

if [[ $database == *"$enabled"* ]]; then
    echo "database $db has a binlog already"
else
    query "ALTER DATABASE $name SET PROPERTIES ($properties)" || fail "the binlog of database $db cannot be switched on"
    echo "database $db has a binlog now"
fi
