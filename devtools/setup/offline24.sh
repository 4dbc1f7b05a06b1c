# The tests that stand beside Odoo's own Offline24 (l10n_pl_edi_qr_code), in a database where it is installed: a small
# addon with its names, since the module is a proposal yet.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

# In a shell of its own, which cleans up
check_beside_offline24() (
    addons=$mounted_addon/tests/offline24 test_db=${db_prefix}offline24_$$
    say "Stand beside Odoo's own Offline24"
    trap 'drop_database "$test_db"' EXIT
    clone_database "$prepared_db" "$test_db"
    run_logged offline24 odoo -d "$test_db" --addons-path "$dev_dir/addons,$addons" -i l10n_pl_edi_qr_code \
        --stop-after-init --no-http || die "the addon with the names of Offline24 could not be installed"
    run_pytest --odoo-extra="addons-path=$dev_dir/addons,$addons" -q -k BesideOffline24 tests/test_standing.py
)
