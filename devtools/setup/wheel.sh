# The addon as a wheel, of what is committed.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

# build_wheel FOLDER: whool takes the name from the folder, and all files that are there: it gets a copy of what
# Odoo needs, with no git repository in sight
build_wheel() {
    local folder=$1 source=$1/$addon
    rm -rf "$folder"
    mkdir -p "$source"
    git -C "$checkout" archive HEAD -- . ':!.ci' ':!.gitignore' ':!dev' ':!devtools' ':!tests' | tar -x -C "$source"
    GIT_CEILING_DIRECTORIES=$folder run_logged wheel "$dev_dir/lint-venv/bin/python" -m pip wheel -q \
        --no-deps --no-build-isolation -w "$folder" "$source" || return
    rm -rf "$source"
}
