# The Python environment that Odoo, the tests and the tools run in.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

# The pins of requirements.txt have wheels for these two versions
find_python() {
    local candidate
    for candidate in python3 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2> /dev/null; then
            command -v "$candidate"
            return
        fi
    done
}

# make_venv FOLDER REQUIREMENTS: again whenever the requirements or the Python change
make_venv() {
    local folder=$1 requirements=$2 base stamp
    base=$(find_python)
    [ -n "$base" ] || die "Python 3.11 or 3.12 is needed, and there is none on the PATH"
    stamp=$folder/.made-from-$({ cat "$requirements"; "$base" --version; } | hash_of)
    if [ -e "$stamp" ] && "$folder/bin/python" -c '' 2> /dev/null; then return; fi
    say "Make the Python environment .dev/$(basename "$folder") ($("$base" --version))"
    rm -rf "$folder"
    run_logged venv "$base" -m venv "$folder" || die "could not make a Python environment"
    # --prefer-binary, not --only-binary: ofxparse and a few others are source distributions only
    run_logged pip "$folder/bin/python" -m pip install -q --prefer-binary --no-cache-dir -r "$requirements" ||
        die "pip could not install $(basename "$requirements") (no network?); its log is .dev/log/pip.log"
    touch "$stamp"
}

make_python_environment() {
    make_venv "$dev_dir/venv" "$setup/requirements.txt"
}
