# The web client's server with a KSeF simulator beside it, and the test run (which starts one of its own).
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

server_pid_file=$dev_dir/server.pid
server_port_file=$dev_dir/server.port
simulator_pid_file=$dev_dir/simulator.pid
simulator_log=$dev_dir/log/simulator.log

# a process of that id that is not ours is left alone
server_runs() {
    [ -s "$server_pid_file" ] && tr '\0' ' ' 2> /dev/null < "/proc/$(cat "$server_pid_file")/cmdline" | grep -q "/.dev/odoo.conf"
}

# SO_REUSEADDR: a port that a stopped server just left counts as free
port_is_free() {
    "$python" - "$1" 2> /dev/null <<'PY'
import socket, sys
with socket.socket() as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", int(sys.argv[1])))
PY
}

# A port of its own for each checkout, kept as long as it is free
pick_port() {
    if [ -n "${KSEF_HTTP_PORT:-}" ]; then
        port_is_free "$KSEF_HTTP_PORT" || die "the port KSEF_HTTP_PORT=$KSEF_HTTP_PORT is taken"
        echo "$KSEF_HTTP_PORT" > "$server_port_file"
    elif [ ! -s "$server_port_file" ] || ! port_is_free "$(cat "$server_port_file")"; then
        "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' \
            > "$server_port_file"
    fi
    port=$(cat "$server_port_file")
}

# start_server [CRON_THREADS]: without them nothing happens by itself, and nothing disturbs the demonstration
start_server() {
    if server_runs; then
        say "The web client already runs at http://127.0.0.1:$(cat "$server_port_file")"
        return
    fi
    local port
    pick_port
    set_report_url "http://127.0.0.1:$port"
    start_simulator
    # -d and one database only: wkhtmltopdf asks without a session, and must find it
    in_odoo_env setsid "$python" -m odoo -c "$dev_dir/odoo.conf" -d "$demo_db" --db-filter "^$demo_db\$" \
        --http-port "$port" --max-cron-threads "${1:-0}" --logfile "$dev_dir/log/server.log" --pidfile "$server_pid_file" \
        < /dev/null > /dev/null 2>&1 9>&- &
    wait_for_server $! "http://127.0.0.1:$port/web/login" ||
        die "the web client's server does not answer; its log is .dev/log/server.log"
    say "The web client runs at http://127.0.0.1:$port"
}

# It forgets everything when it stops, as a KSeF made to be played with
start_simulator() {
    stop_simulator
    setsid "$python" "$checkout/devtools/ksef_simulator" --port 0 --certificates "$dev_dir/demo/certificates" < /dev/null > "$simulator_log" 2>&1 9>&- &
    echo $! > "$simulator_pid_file"
    local tries
    for tries in $(seq 100); do
        L10N_PL_KSEF_API_URL=$(sed -n 's/^API: *//p' "$simulator_log")
        L10N_PL_KSEF_LATARNIA_URL=$(sed -n 's/^Latarnia: *//p' "$simulator_log")
        [ -z "$L10N_PL_KSEF_API_URL" ] || [ -z "$L10N_PL_KSEF_LATARNIA_URL" ] || break
        [ "$tries" -lt 100 ] || die "the KSeF simulator does not start; its log is .dev/log/simulator.log"
        sleep 0.1
    done
    export L10N_PL_KSEF_API_URL L10N_PL_KSEF_LATARNIA_URL
    say "A simulator plays KSeF at $L10N_PL_KSEF_API_URL"
}

# tell_simulator ACT [NAME=VALUE]
tell_simulator() {
    local outcome=0
    "$python" - "$(sed -n 's/^KOD I\/II: *//p' "$simulator_log")/control/${1:-}?${2:-}" <<'PY' || outcome=$?
import sys, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    print(opener.open(urllib.request.Request(sys.argv[1], method="POST"), timeout=10).read().decode(), end="")
except urllib.error.HTTPError as error:
    sys.exit(f"./dev ksef: {error.read().decode().strip()}")
except (OSError, ValueError):  # no address: it has never run
    sys.exit(3)
PY
    [ "$outcome" != 3 ] || die "the simulator does not run; ./dev serve starts it"
    return "$outcome"
}

stop_simulator() {
    local pid
    pid=$(cat "$simulator_pid_file" 2> /dev/null || true)
    if [ -n "$pid" ] && grep -q ksef_simulator "/proc/$pid/cmdline" 2> /dev/null; then
        kill "$pid"
    fi
    rm -f "$simulator_pid_file"
}

# wkhtmltopdf loads the styles of a printed document from there
set_report_url() {
    psql -d "$demo_db" -Xq -v ON_ERROR_STOP=1 -v url="$1" <<'SQL'
insert into ir_config_parameter (key, value) values ('report.url', :'url')
on conflict (key) do update set value = excluded.value;
SQL
}

wait_for_server() {
    "$python" - "$@" <<'PY'
import os, sys, time, urllib.request
pid, url = int(sys.argv[1]), sys.argv[2]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
end = time.monotonic() + 120
while time.monotonic() < end and os.path.exists(f"/proc/{pid}"):
    try:
        opener.open(url, timeout=60)
        sys.exit(0)
    except OSError:
        time.sleep(0.2)
sys.exit(1)
PY
}

stop_server() {
    if server_runs; then
        say "Stop the web client's server"
        local pid
        pid=$(cat "$server_pid_file")
        kill "$pid"
        while [ -e "/proc/$pid" ]; do sleep 0.1; done
    fi
    rm -f "$server_pid_file"
    stop_simulator
}

# run_pytest ARGS...: pytest is given the tests under the addon's technical name, since a module's name comes
# from its path, and a checkout's folder may be called anything
run_pytest() {
    local arg paths=() args=()
    for arg in "$@"; do
        case $arg in
            tests/* | ./tests/*) paths+=("$mounted_addon/${arg#./}") ;;
            "$checkout"/tests/*) paths+=("$mounted_addon/${arg#"$checkout"/}") ;;
            *) args+=("$arg") ;;
        esac
    done
    [ ${#paths[@]} -gt 0 ] || paths=("$mounted_addon/tests")
    in_odoo_env PYTHONPATH="$PYTHONPATH:$checkout/devtools" "$python" -m pytest -p no:cacheprovider -p server_order \
        --rootdir="$mounted_addon" -c "$mounted_addon/pyproject.toml" \
        --odoo-config="$dev_dir/odoo.conf" --odoo-database="$test_db" --odoo-http --odoo-log-level=warn \
        --odoo-extra="logfile=$dev_dir/log/test.log" "${args[@]}" "${paths[@]}"
}
