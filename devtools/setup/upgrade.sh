# Databases of every earlier version, filled by that version's own code, brought to this one.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

# Each version with the last commit that had it
earlier_versions=(19.0.1.0.0=ec5e672 19.0.1.1.0=9cb80b9 19.0.1.2.0=510517b)

check_upgrades() {
    local each
    for each in "${earlier_versions[@]}"; do
        if git -C "$checkout" cat-file -e "${each#*=}^{commit}" 2> /dev/null; then
            check_upgrade "${each%=*}" "${each#*=}"
        else
            say "Version ${each%=*} is not in this copy of the repository: its upgrade is not tried"
        fi
    done
}

# check_upgrade VERSION COMMIT, in a shell of its own, which cleans up
check_upgrade() (
    version=$1 old=$dev_dir/upgrade_$$ database=${db_prefix}upgrade_$$
    say "Upgrade a database of version $version"
    trap 'drop_database "$database"; rm -rf "$old"' EXIT
    mkdir -p "$old/$addon"
    git -C "$checkout" archive "$2" | tar -x -C "$old/$addon"
    clone_database "$base_db" "$database"
    run_upgrade
)

run_upgrade() {
    run_logged upgrade-install odoo -d "$database" --addons-path "$old" -i "$addon" --stop-after-init --no-http ||
        die "version $version could not be installed"
    run_script "$database" "$checkout/devtools/upgrade/fill_old_version.py" --addons-path "$old"
    run_logged upgrade odoo -d "$database" -u "$addon" --stop-after-init --no-http ||
        die "a database of version $version could not be upgraded"
    run_script "$database" "$checkout/devtools/upgrade/check_upgraded.py"
}
