# Odoo 19: ODOO_PATH, or Debian's package unpacked into .dev/odoo; its configuration; how it is run.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

odoo_package=odoo-19
odoo_suite=sid # the only suite of Debian that has it
odoo_site=usr/lib/python3/dist-packages

# Sets odoo_root, the folder to put on Python's path, odoo_version, what the databases are made with, and odoo_build,
# which keeps the databases of another Odoo apart from those of Debian's
fetch_odoo() {
    if [ -n "$odoo_path" ]; then
        [ -e "$odoo_path/odoo/release.py" ] ||
            die "ODOO_PATH=$odoo_path is not a checkout of Odoo (it has no odoo/release.py)"
        odoo_root=$(cd "$odoo_path" && pwd -P)
        grep -q 'version_info = (19, 0' "$odoo_root/odoo/release.py" || die "ODOO_PATH=$odoo_path is not Odoo 19.0"
        odoo_version="$odoo_root $(git -C "$odoo_root" rev-parse HEAD 2> /dev/null || true)"
        odoo_build=$(hash_of <<< "$odoo_root" | cut -c1-8)_
    else
        odoo_root=$dev_dir/odoo/$odoo_site
        [ -e "$dev_dir/odoo/version" ] || unpack_odoo
        odoo_version=$(cat "$dev_dir/odoo/version")
        odoo_build=
    fi
    export PYTHONPATH=$odoo_root
}

unpack_odoo() {
    say "Fetch Odoo 19 (Debian's package $odoo_package, 130 MB) and unpack it to .dev/odoo"
    rm -rf "$dev_dir/odoo" "$dev_dir/odoo.new"
    local debs=$dev_dir/odoo.new/debs package
    mkdir -p "$debs"
    download_odoo "$debs"
    # The package holds every module a second time under a top-level "addons". Its egg-info asks for psycopg2
    # (the environment has psycopg2-binary), which every run of pip would complain about.
    for package in "$debs"/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$dev_dir/odoo.new" --no-same-owner \
            --exclude="./$odoo_site/addons" --exclude="./$odoo_site/*.egg-info"
    done
    # Debian leaves out this script, which the web client's bundle names: a console error, which fails browser tests
    local script=$dev_dir/odoo.new/$odoo_site/odoo/addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js
    mkdir -p "$(dirname "$script")"
    echo '// left out by Debian' > "$script"
    basename "$debs/${odoo_package}"_*.deb > "$dev_dir/odoo.new/version"
    rm -rf "$debs"
    mv "$dev_dir/odoo.new" "$dev_dir/odoo"
}

# Debian replaced fonts and scripts by links into other packages; unpacked into the same root, the links
# resolve. They come from this machine's release but for fonts-montserrat, which Debian 12 lacks: the other
# suite's fonts-font-awesome and fonts-inconsolata no longer have the linked files.
download_odoo() {
    local debs=$1 codename mirror
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    codename=$(. /etc/os-release && [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-}") ||
        die "Odoo is taken from Debian's archive, and this is not Debian: set ODOO_PATH to a checkout of Odoo 19"
    # the mirror of this machine's own configuration, read without asking the network
    mirror=$(apt-get --print-uris update 2> /dev/null |
        sed -n "s,^'\\([^']*\\)/dists/$codename/InRelease'.*,\\1,p" | head -n 1)
    [ -n "$mirror" ] || die "apt's configuration names no mirror for Debian $codename: set ODOO_PATH to a checkout of Odoo 19"
    write_apt_config "$mirror" "$codename" "$keyring"
    run_logged odoo-index private_apt -o APT::Update::Error-Mode=any update -q ||
        die "apt-get could not fetch Debian's package lists (no network?)"
    private_apt --print-uris download "$odoo_package/$odoo_suite" > /dev/null 2>&1 ||
        die "Debian's suite $odoo_suite no longer has the package $odoo_package: set ODOO_PATH to a checkout of Odoo 19"
    (cd "$debs" && run_logged odoo-download private_apt download -q "$odoo_package/$odoo_suite" \
        {fonts-font-awesome,fonts-roboto-unhinted,fonts-inconsolata,fonts-ocr-b}/"$codename" \
        {libjs-jquery,libjs-jquery-form,libjs-underscore}/"$codename" "fonts-montserrat/$odoo_suite") ||
        die "apt-get could not download Odoo's packages (no network?)"
    rm -rf "$dev_dir/apt"
}

private_apt() { apt-get -c "$dev_dir/apt/apt.conf" "$@"; }

# A private state for apt: the system's own configuration, lists and cache stay as they are. Read after the
# system's configuration, so a proxy set there stays in force.
write_apt_config() {
    local apt=$dev_dir/apt
    rm -rf "$apt"
    mkdir -p "$apt"/{lists/partial,cache/archives/partial,sources,preferences}
    printf 'Types: deb\nURIs: %s\nSuites: %s %s\nComponents: main\nSigned-By: %s\n' \
        "$1" "$odoo_suite" "$2" "$3" > "$apt/sources/odoo.sources"
    cat > "$apt/apt.conf" <<CONF
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$apt/preferences";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Dir::Cache::archives "$apt/cache/archives";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::AllowInsecureRepositories "false";
APT::Get::AllowUnauthenticated "false";
APT::Sandbox::User "root";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
}

# The database server is in the environment (PGHOST and so on), which Odoo reads too
write_odoo_config() {
    cat > "$dev_dir/odoo.conf" <<CONF
[options]
addons_path = $dev_dir/addons
data_dir = $dev_dir/data
screenshots = $dev_dir/log/browser
http_interface = 127.0.0.1
list_db = False
workers = 0
max_cron_threads = 0
log_level = warn
CONF
}

# in_odoo_env CMD...: wkhtmltopdf of .dev first, and a home of its own, since Chromium and fontconfig write there
in_odoo_env() {
    env HOME="$dev_dir/home" PATH="$dev_dir/bin:$dev_dir/venv/bin:$PATH" "$@"
}

# odoo ARGS...: the subcommand, if any, comes first. Not venv/bin/odoo: a script's first line can be too long
odoo() {
    local subcommand=()
    case ${1:-} in shell) subcommand=(shell) && shift ;; esac
    in_odoo_env "$python" -m odoo "${subcommand[@]}" -c "$dev_dir/odoo.conf" "$@"
}
