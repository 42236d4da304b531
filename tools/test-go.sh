#!/usr/bin/env bash
# test-go.sh [PACKAGE…] : the Go tests, shuffled, with the race detector where a C compiler works.
set -euo pipefail
cd "$(dirname "$0")/.."

# can_race : the race detector needs cgo, so a compiler that finds the C library.
can_race() {
    local cc
    cc=$(go env CC)
    [ "$(go env CGO_ENABLED)" = 1 ] && command -v "${cc%% *}" >/dev/null || return 1
    printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | $cc -x c -o /dev/null - 2>/dev/null
}

race=()
if can_race; then
    race=(-race)
else
    echo "no working C compiler: the tests run without the race detector (sudo apt-get install -y gcc libc6-dev)" >&2
fi
[ $# -gt 0 ] || set -- ./...
go test "${race[@]}" -buildvcs=false -shuffle=on -timeout 15m "$@"
if [ "$*" = ./... ]; then
    # A module of its own, which ./... does not reach; a go.work must not pull it in.
    (cd test/peers/cometbft && GOWORK=off GOFLAGS=-mod=readonly go test "${race[@]}" -buildvcs=false -shuffle=on -timeout 15m ./...)
fi
if [ ${#race[@]} -gt 0 ] && [ "$*" = ./... ]; then
    # The detector slows training thirtyfold, so under it the accuracy is only looked at; here it is held.
    go test -buildvcs=false -timeout 15m -run TestDigitsAccuracy ./fl/train
fi
