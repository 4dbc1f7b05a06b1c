# PostgreSQL: the server at PGHOST, or a throwaway cluster of this checkout on a Unix socket only.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

# newest_postgres PROGRAM: the folder of the newest PostgreSQL that has it (Debian keeps them off the PATH)
newest_postgres() {
    local found
    found=$(find /usr/lib/postgresql/*/bin/"$1" 2> /dev/null | sort -V | tail -n 1)
    [ -n "$found" ] || found=$(command -v "$1" || true)
    [ -z "$found" ] || dirname "$found"
}

# PostgreSQL refuses to run as root: its programs then run as the user that Debian's package makes
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        runuser -u postgres -- env -C / "$@"
    else
        "$@"
    fi
}

# Where the cluster is: .dev/postgres, a folder or a link to one
postgres_home() { readlink -f "$dev_dir/postgres"; }

start_postgres() {
    if [ -n "${PGHOST:-}" ]; then
        use_foreign_postgres
        return
    fi
    db_prefix=
    pg_bin=$(newest_postgres initdb)
    export PATH=$PATH:$pg_bin
    discard_other_version
    [ -s "$dev_dir/postgres/data/PG_VERSION" ] || make_cluster
    export PGHOST PGPORT=5432 PGUSER=odoo
    PGHOST=$(postgres_home)
    unset PGPASSWORD
    if cluster_runs; then return; fi
    say "Start PostgreSQL"
    # its descriptor of the lock is closed, or the server would hold the lock
    as_postgres "$pg_bin/pg_ctl" -D "$PGHOST/data" -l "$PGHOST/log" -w -t 60 -s start < /dev/null > /dev/null 9>&- ||
        die "PostgreSQL does not start; its log is $PGHOST/log"
}

use_foreign_postgres() {
    export PATH PGPORT=${PGPORT:-5432} PGUSER=${PGUSER:-$(id -un)}
    # the client's programs; a checkout's databases have names of their own, as others may use the server too
    PATH=$PATH:$(newest_postgres psql)
    db_prefix=${addon}_$(printf '%s' "$checkout" | sha256sum | cut -c1-8)_
    [ "$PGUSER" != postgres ] || die "Odoo refuses to work as the database user postgres: set PGUSER to another"
    psql -d postgres -c '' > /dev/null || die "the PostgreSQL server at PGHOST=$PGHOST cannot be used"
}

cluster_runs() {
    as_postgres "$pg_bin/pg_ctl" -D "$(postgres_home)/data" status > /dev/null 2>&1
}

# A cluster of another major version cannot be used; what is in it can be made again
discard_other_version() {
    local version=$dev_dir/postgres/data/PG_VERSION
    [ -s "$version" ] || return 0
    "$pg_bin/initdb" --version | grep -qE " $(cat "$version")(\.|\$)" || remove_postgres
}

# A socket's path may have at most 107 bytes, and as root, the user postgres must be able to enter the folder:
# where .dev will not do, the cluster is in a short folder of its own
make_cluster() {
    local home=$dev_dir/postgres
    say "Make a PostgreSQL cluster ($(basename "$(dirname "$pg_bin")"))"
    rm -rf "$home"
    if [ "$(printf '%s' "$home/.s.PGSQL.5432" | wc -c)" -gt 100 ] || ! as_postgres test -x "$dev_dir"; then
        ln -s "$(mktemp -d /var/tmp/ksef-postgres-XXXXXX)" "$home"
        home=$(readlink "$home")
    fi
    # only its owner gets in: the cluster trusts everyone who reaches the socket
    mkdir -p "$home"
    chmod 700 "$home"
    [ "$(id -u)" != 0 ] || chown postgres: "$home"
    # the role is not "postgres", as which Odoo refuses to work
    run_logged initdb as_postgres "$pg_bin/initdb" -D "$home/data" -U odoo -A trust -E UTF8 --locale=C.UTF-8 \
        --no-sync --no-instructions || die "could not make a PostgreSQL cluster"
    # made to be thrown away: nothing in it needs to survive a crash of the machine
    as_postgres tee -a "$home/data/postgresql.conf" > /dev/null <<CONF
listen_addresses = ''
port = 5432
unix_socket_directories = '$home'
shared_buffers = 256MB
work_mem = 16MB
maintenance_work_mem = 128MB
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
jit = off
CONF
}

# Only ever the cluster of this checkout: with PGHOST there is none
stop_postgres() {
    [ -s "$dev_dir/postgres/data/PG_VERSION" ] || return 0
    pg_bin=$(newest_postgres initdb)
    if [ -n "$pg_bin" ] && cluster_runs; then
        say "Stop PostgreSQL"
        as_postgres "$pg_bin/pg_ctl" -D "$(postgres_home)/data" -m fast -w -s stop
    fi
}

remove_postgres() {
    stop_postgres
    [ ! -e "$dev_dir/postgres" ] || rm -rf "$(postgres_home)"
    rm -rf "$dev_dir/postgres"
}
