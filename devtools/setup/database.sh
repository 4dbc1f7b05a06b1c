# The databases, each a copy of the one before it:
#   base      a Polish company on the chart of accounts "pl", without this addon
#   prepared  with this addon installed
#   test_PID  for one run of the tests
#   demo      for the web client, with its users
# Those of another Odoo (ODOO_PATH) have its mark before these names.
# What a database was made from is its comment in PostgreSQL: it goes when the database goes.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

filestore=$dev_dir/data/filestore

sql() { psql -d postgres -XAtq -v ON_ERROR_STOP=1 "$@"; }

database_exists() {
    [ -d "$filestore/$1" ] && [ "$(sql -c "select 1 from pg_database where datname = '$1'")" = 1 ]
}

made_from() {
    database_exists "$1" || return 0
    sql -c "select shobj_description(oid, 'pg_database') from pg_database where datname = '$1'"
}

mark_made_from() { sql -c "comment on database \"$1\" is '$2'"; }

drop_database() {
    sql -c "drop database if exists \"$1\" with (force)" 2> /dev/null
    rm -rf "${filestore:?}/$1"
}

# On a server that is not ours (PGHOST), the databases of this checkout would stay when .dev goes
drop_all_databases() {
    local database
    for database in $(sql -c "select datname from pg_database where starts_with(datname, '$db_prefix')"); do
        drop_database "$database"
    done
}

clone_database() {
    drop_database "$2"
    sql -c "create database \"$2\" template \"$1\""
    cp -a "$filestore/$1" "$filestore/$2"
}

rename_database() {
    drop_database "$2"
    sql -c "alter database \"$1\" rename to \"$2\""
    mv "$filestore/$1" "$filestore/$2"
}

# run_script DATABASE FILE [OPTIONS]: in Odoo's shell
run_script() {
    run_logged "$(basename "$2" .py)" in_odoo_shell "$@" || die "$(basename "$2") failed"
}

in_odoo_shell() {
    local database=$1 file=$2
    shift 2
    odoo shell -d "$database" --no-http "$@" < "$file"
}

# What the addon's databases depend on: not on its tests, not on texts and pictures
addon_hash() {
    (cd "$checkout" && find . \( -path ./.dev -o -path ./.git -o -path ./tests -o -path ./devtools \) -prune \
        -o -type f \( -name '*.py' -o -name '*.xml' -o -name '*.csv' -o -name '*.po' -o -path './static/src/*' \) \
        -print0 | sort -z | xargs -0 sha256sum | hash_of)
}

make_base_database() {
    base_db=$db_prefix${odoo_build}base
    prepared_db=$db_prefix${odoo_build}prepared
    demo_db=$db_prefix${odoo_build}demo
    local new=${base_db}_new
    base_key=$({ echo "$odoo_version"; cat "$setup/company.py"; } | hash_of)
    [ "$(made_from "$base_db")" != "$base_key" ] || return 0
    say "Make the database $base_db: Odoo with l10n_pl_edi, a Polish company, both languages"
    drop_database "$new"
    run_logged base odoo -d "$new" -i account,l10n_pl,l10n_pl_edi --stop-after-init --no-http ||
        die "could not make a database with l10n_pl_edi"
    run_script "$new" "$setup/company.py"
    rename_database "$new" "$base_db"
    mark_made_from "$base_db" "$base_key"
}

make_prepared_database() {
    local new=${prepared_db}_new
    prepared_key=$base_key-$(addon_hash)
    [ "$(made_from "$prepared_db")" != "$prepared_key" ] || return 0
    say "Make the database $prepared_db: $addon installed"
    clone_database "$base_db" "$new"
    run_logged install odoo -d "$new" -i "$addon" --stop-after-init --no-http ||
        die "could not install $addon (log: .dev/log/install.log)"
    rename_database "$new" "$prepared_db"
    mark_made_from "$prepared_db" "$prepared_key"
}

make_demo_database() {
    local new=${demo_db}_new
    say "Make the database $demo_db: users admin and accountant"
    clone_database "$prepared_db" "$new"
    run_script "$new" "$setup/users.py"
    rename_database "$new" "$demo_db"
    mark_made_from "$demo_db" "$prepared_key"
}

# Its invoices stay; what the addon's files say is brought up to date
update_demo_database() {
    [ "$(made_from "$demo_db")" != "$prepared_key" ] || return 0
    stop_server
    say "Update the database $demo_db: $addon changed"
    run_logged update odoo -d "$demo_db" -u "$addon" --stop-after-init --no-http ||
        die "could not update $addon in $demo_db (a fresh one: ./dev demo)"
    mark_made_from "$demo_db" "$prepared_key"
}
