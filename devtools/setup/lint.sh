# The linters, in an environment of their own. All of them run, even after one has complained.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

make_lint_environment() {
    make_venv "$dev_dir/lint-venv" "$setup/requirements-lint.txt"
}

run_linters() {
    lock
    mkdir -p "$dev_dir/addons"
    ln -sfn ../.. "$mounted_addon"
    make_lint_environment
    unlock
    cd "$checkout" || return
    local failed=0 translations
    mapfile -t translations < <(find "$checkout/i18n" -name '*.po' -o -name '*.pot')
    lint "ruff check" ruff check . || failed=1
    lint "ruff format" ruff format --check . || failed=1
    # under its technical name, by which pylint-odoo knows the addon; pylint looks for a package on Python's path.
    # Its README is Markdown, where pylint-odoo wants README.rst.
    PYTHONPATH=$dev_dir/addons lint "pylint-odoo" pylint --rcfile="$checkout/pyproject.toml" \
        --disable=missing-readme "$mounted_addon" || failed=1
    lint "OCA's checks" oca_pre_commit_hooks.cli "$mounted_addon/__manifest__.py" || failed=1
    lint "OCA's checks of translations" oca_pre_commit_hooks.cli_po "${translations[@]}" || failed=1
    say "wheel"
    build_wheel "$dev_dir/wheel" || failed=1
    return $failed
}

# lint TITLE MODULE ARGS...
lint() {
    say "$1"
    shift
    "$dev_dir/lint-venv/bin/python" -m "$@"
}
