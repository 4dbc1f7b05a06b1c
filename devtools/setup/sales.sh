# The tests of corrections and advances, in a database with the modules that Odoo makes them with.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

# In a shell of its own, which cleans up
check_with_sales() (
    test_db=${db_prefix}sales_$$
    say "Correct and settle with sales orders and debit notes"
    trap 'drop_database "$test_db"' EXIT
    clone_database "$prepared_db" "$test_db"
    run_logged sales odoo -d "$test_db" -i sale,account_debit_note --stop-after-init --no-http ||
        die "the modules for sales orders and debit notes could not be installed"
    run_pytest -q tests/test_corrections.py tests/test_advances.py
)
