# Sourced: a host that is running, for the checks that let others' programs use it. It is built as the tests are, so that
# nothing is built twice, and has no setting but those that it is given here.
# shellcheck shell=bash

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/arash/target}"
cargo build --quiet --locked -p arash-http
work=$(mktemp -d)
started=()
# shellcheck disable=SC2329 # the trap calls it
stop() {
    [ ${#started[@]} = 0 ] || kill "${started[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

# become_arash FOLDER [SETTING=VALUE…] [ARGUMENT…]: this shell becomes the program, on the database in FOLDER.
become_arash() {
    mkdir -p "$1"
    cd "$1"
    shift
    local settings=()
    while [[ "${1:-}" == *=* ]]; do settings+=("$1") && shift; done
    exec env -i API_PORT=0 INTERNAL_RATE_LIMIT=0 LOG_LEVEL=error ${settings[@]+"${settings[@]}"} \
        "$CARGO_TARGET_DIR/debug/arash-http" "$@"
}

# arash FOLDER [SETTING=VALUE…] [ARGUMENT…]: runs a command of the program.
arash() { (become_arash "$@"); }

# serve FOLDER [SETTING=VALUE…]: starts the host; `address` is where it listens, FOLDER/log what it complains of.
serve() {
    mkdir -p "$1"
    become_arash "$@" >"$1/said" 2>"$1/log" &
    started+=($!)
    wait_for "$1/said" 's/^arash-http listens on //p'
}

# wait_for FILE SED: waits until SED prints something of FILE, which goes to `address`.
wait_for() {
    for _ in $(seq 200); do
        address=$(sed -n "$2" "$1" | head -1)
        [ -n "$address" ] && return
        sleep 0.1
    done
    echo "${0##*/}: what was started does not listen" >&2
    exit 1
}

# field NAME: the first field of this name in the JSON that stands on the input.
field() { sed -n "s/.*\"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" | head -1; }

# complaints FILE: whether the host had something to complain of, which is shown.
complaints() {
    [ -s "$1" ] || return 1
    echo "${0##*/}: the host had something to complain of:" >&2
    head -50 "$1" >&2
}
