# Starts and stops one server as stdin says, and answers each order with a line. The end of stdin is the end of whoever
# gave the orders, however it came: then the server is stopped and its directory removed.
# Usage: sh -c "$(cat supervisor.sh)" supervisor <directory> <signal that stops the server> <command..>
directory=$1
signal=$2
shift 2
server=
stop() {
    if [ -n "$server" ]; then
        kill -s "$signal" "$server" 2>/dev/null
        wait "$server" 2>/dev/null
        server=
    fi
}
while read -r order; do
    case $order in
        start)
            "$@" >>"$directory/server.log" 2>&1 </dev/null &
            server=$!
            ;;
        stop) stop ;;
    esac
    echo "$order"
done
stop
rm -rf "$directory"
