# Names, messages, the lock and the environment that every other piece uses.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

addon=l10n_pl_ksef_offline
dev_dir=$checkout/.dev
# Odoo knows an addon by its folder's name, so the checkout is mounted under the technical name
mounted_addon=$dev_dir/addons/$addon
python=$dev_dir/venv/bin/python
# what the first set-up takes
needed_disk_kb=$((3500 * 1024))

say() { printf '%s\n' "- $*"; }

die() {
    printf './dev: %s\n' "$*" >&2
    exit 1
}

# run_logged NAME CMD...: its output goes to .dev/log/NAME.log, whose end is shown if it fails
run_logged() {
    local log=$dev_dir/log/$1.log
    shift
    mkdir -p "$dev_dir/log"
    "$@" > "$log" 2>&1 < /dev/null && return
    tail -n 12 "$log" >&2
    return 1
}

# Two commands at once must not set up the same things; a command that only runs something lets go.
lock() {
    mkdir -p "$dev_dir" || die "cannot write to $dev_dir"
    exec 9> "$dev_dir/lock"
    if ! flock -n 9; then
        say "Wait for another ./dev to finish its set-up"
        flock 9
    fi
}

unlock() { exec 9>&-; }

require_disk() {
    local free_kb
    free_kb=$(df -Pk "$dev_dir" | awk 'NR == 2 { print $4 }')
    [ "$free_kb" -ge "$needed_disk_kb" ] ||
        die "the first set-up needs 3.5 GB of disk in $checkout, and $((free_kb / 1024)) MB are free"
}

hash_of() { sha256sum | cut -c1-16; }

# The same messages and the same behaviour whatever the caller's environment says
export LC_ALL=C.UTF-8 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_RETRIES=2
odoo_path=${ODOO_PATH:-}
unset "${!ODOO_@}" PGDATABASE PYTHONHOME PYTHONPATH
# Nothing is written outside .dev: caches of Python, pip and the linters, and hypothesis' examples
export PYTHONPYCACHEPREFIX=$dev_dir/cache/python PIP_CACHE_DIR=$dev_dir/cache/pip
export RUFF_CACHE_DIR=$dev_dir/cache/ruff PYLINTHOME=$dev_dir/cache/pylint
export HYPOTHESIS_STORAGE_DIRECTORY=$dev_dir/cache/hypothesis
