#!/usr/bin/env bash
# clean-demo.sh DIR : removes what an earlier demo left in DIR, and nothing else.
set -euo pipefail
dir=${1:?usage: clean-demo.sh DIR}

[ -e "$dir" ] || exit 0
rmdir -- "$dir" 2>/dev/null && exit 0 # it was empty
if [ ! -f "$dir/genesis.cbor" ] || [ ! -d "$dir/node-0" ]; then
    echo "$dir exists and is no demo's (no genesis.cbor and node-0 in it); move it away and try again" >&2
    exit 1
fi
# A store that is open holds a lock on its LOCK file; /proc/locks names it by inode.
while read -r inode; do
    if grep -q ":$inode " /proc/locks 2>/dev/null; then
        echo "$dir is in use by a running librum; stop it and try again" >&2
        exit 1
    fi
done < <(find "$dir" -name LOCK -printf '%i\n')
rm -rf -- "$dir"
