# Debian packages: only those whose content is missing are installed.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

has_package() { dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null | grep -qx installed; }

# One line for each missing package: its name and why it is needed
missing_packages() {
    local python_candidate library
    if [ -n "${PGHOST:-}" ]; then
        [ -n "$(newest_postgres psql)" ] || echo "postgresql-client: to reach the PostgreSQL server at PGHOST"
    else
        [ -n "$(newest_postgres initdb)" ] || echo "postgresql: the database server"
    fi
    python_candidate=$(find_python)
    "${python_candidate:-python3}" -c 'import ensurepip, venv' 2> /dev/null || echo "python3-venv: the Python environment"
    command -v chromium > /dev/null || echo "chromium: browser tests and screenshots"
    command -v pdftoppm > /dev/null || echo "poppler-utils: reads and draws PDF files"
    command -v dpkg-query > /dev/null || return 0
    # Roboto is the first font of Odoo's list that Debian has; without it digits come from any other font
    has_package fonts-roboto-unhinted || echo "fonts-roboto-unhinted: the web client's font"
    if [ -z "$odoo_path" ]; then
        has_package debian-archive-keyring || echo "debian-archive-keyring: verifies Odoo's package"
    fi
    for library in libxrender1 libxext6 libx11-6 libfontconfig1 libfreetype6 fontconfig fonts-dejavu-core; do
        has_package "$library" || echo "$library: wkhtmltopdf uses it"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

install_packages() {
    local missing names had_clusters
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    mapfile -t names < <(cut -d: -f1 <<< "$missing")
    command -v apt-get > /dev/null ||
        die "this is not Debian: install by your system's own means what these Debian packages hold: ${names[*]}"
    [ "$(id -u)" = 0 ] || command -v sudo > /dev/null ||
        die "there is no sudo to install Debian packages with: as root, run apt-get install ${names[*]}"
    say "Install Debian packages:"
    printf '%s\n' "$missing" | sed 's/^/    /'
    had_clusters=$(ls -d /etc/postgresql/*/main 2> /dev/null || true)
    # fails where any one of the machine's sources is out of reach; the installation tells whether it matters
    run_logged apt-update as_root apt-get update -q > /dev/null 2>&1 || true
    run_logged apt-install as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${names[@]}" ||
        die "apt-get could not install ${names[*]} (no network, or no right to use sudo?)"
    [ -n "$had_clusters" ] || drop_debian_cluster
}

# Debian's package makes and starts a cluster of its own, which nobody asked for
drop_debian_cluster() {
    local cluster
    for cluster in /etc/postgresql/*/main; do
        [ -d "$cluster" ] || continue
        run_logged drop-cluster as_root pg_dropcluster --stop "$(basename "$(dirname "$cluster")")" main ||
            die "could not remove the PostgreSQL cluster that Debian's package made"
    done
}
