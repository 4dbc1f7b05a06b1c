# Tests in a database where further modules are installed.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

# test_beside MODULES ADDONS_PATH ARGS...: the ARGS go to pytest; in a shell of its own, which cleans up
test_beside() (
    modules=$1 addons=$2 test_db=${db_prefix}beside_$$
    shift 2
    trap 'drop_database "$test_db"' EXIT
    clone_database "$prepared_db" "$test_db"
    run_logged beside odoo -d "$test_db" --addons-path "$addons" -i "$modules" --stop-after-init --no-http ||
        die "the modules $modules could not be installed"
    run_pytest --odoo-extra="addons-path=$addons" -q "$@"
)

# Odoo's own Offline24 is a proposal yet: a small addon has its names.
check_beside_offline24() {
    say "Stand beside Odoo's own Offline24"
    test_beside l10n_pl_edi_qr_code "$dev_dir/addons,$mounted_addon/tests/offline24" \
        -k BesideOffline24 tests/test_standing.py
}

check_with_sales() {
    say "Correct and settle with sales orders and debit notes"
    test_beside sale,account_debit_note "$dev_dir/addons" tests/test_corrections.py tests/test_advances.py
}
