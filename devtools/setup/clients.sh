# Other makers' clients of KSeF, which ./dev clients tries on the simulator.
# shellcheck shell=bash disable=SC2154 # the pieces share their variables

make_clients() {
    local folder=$dev_dir/clients newer
    [ -e "$folder/made" ] && return
    for newer in python3.14 python3.13 python3.12 ""; do
        "$newer" -c '' 2> /dev/null && break
    done
    [ -n "$newer" ] || die "ksef2 needs Python 3.12 or later, and there is none on the PATH"
    command -v npm > /dev/null || die "ksef-client-ts needs Node.js with npm"
    say "Install the clients into .dev/clients"
    rm -rf "$folder"
    mkdir -p "$folder"
    run_logged clients-venv "$newer" -m venv "$folder/venv" || die "could not make a Python environment"
    run_logged clients-pip "$folder/venv/bin/python" -m pip install -q "ksef-client[xml]==0.20.0" ksef2==1.1.0 ||
        die "pip could not install the clients; its log is .dev/log/clients-pip.log"
    run_logged clients-npm npm install --silent --prefix "$folder" ksef-client-ts@0.10.0 ||
        die "npm could not install its client; its log is .dev/log/clients-npm.log"
    touch "$folder/made"
}
