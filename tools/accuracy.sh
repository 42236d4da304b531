#!/usr/bin/env bash
# accuracy.sh DIR [NAME…] : the experiments of docs/accuracy.md, one after another at the lowest priority, into DIR: NAME.json,
# NAME.svg and NAME.log for each. One that is there is passed over, so a run that was ended goes on. NAMEs choose some.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { sed -n '2,3p' "$0" >&2; exit 2; }
out=$(mkdir -p "$1" && cd "$1" && pwd)
shift
wanted=" $* "
librum=${LIBRUM_BIN:-$PWD/bin/librum}
sets=${XDG_CACHE_HOME:-$HOME/.cache}/librum/data
renice -n 19 $$ >/dev/null
{ echo 19 >/proc/self/autogroup; } 2>/dev/null || true # a kernel without groups

spec() { # spec MODEL LAYERS ROUNDS EPOCHS BATCH RATE
    printf 'num_rounds: %s\nmodel: {name: %s, layers: %s}\ntrain: {local_epochs: %s, batch_size: %s, learning_rate: %s, momentum: 0}\n' "$3" "$1" "$2" "$4" "$5" "$6"
}

# run NAME SPEC ARGS…
run() {
    local name=$1 job=$2
    shift 2
    if [ -s "$out/$name.json" ] || { [ "$wanted" != "  " ] && [[ $wanted != *" $name "* ]]; }; then return; fi
    printf '%s\n' "$job" >"$out/$name.yaml"
    "$librum" bench accuracy -f "$out/$name.yaml" "$@" --plot "$out/$name.svg" --json 2>"$out/$name.log" | tail -n 1 >"$out/$name.part"
    mv "$out/$name.part" "$out/$name.json"
}

mnist=(--data "idx:$sets/mnist/train-images-idx3-ubyte,$sets/mnist/train-labels-idx1-ubyte"
    --test "idx:$sets/mnist/t10k-images-idx3-ubyte,$sets/mnist/t10k-labels-idx1-ubyte")
fashion=(--data "idx:$sets/fashion-mnist/train-images-idx3-ubyte.gz,$sets/fashion-mnist/train-labels-idx1-ubyte.gz"
    --test "idx:$sets/fashion-mnist/t10k-images-idx3-ubyte.gz,$sets/fashion-mnist/t10k-labels-idx1-ubyte.gz")
attacks=none,sign_flip,gaussian,label_flip,alie,ipm
strategies=(fedavg median trimmed_mean krum multikrum bulyan geometric_median adaptive+fedavg fltrust)

# Attacks: 15 peers, three of them attackers, split evenly.
for s in "${strategies[@]}"; do
    run "attacks-digits-$s" "$(spec mlp '[64, 200, 10]' 20 4 16 0.1)" --data digits --peers 15 --seeds 1 --strategies "$s" --attacks $attacks
done
for s in "${strategies[@]}"; do
    run "attacks-mnist-$s" "$(spec mlp '[784, 200, 200, 10]' 10 1 32 0.1)" "${mnist[@]}" --rows 6000 --peers 15 --seeds 1 --strategies "$s" --attacks $attacks
done
# McMahan et al. 2017, table 2: rounds to 97 % with a tenth of a hundred peers.
for seed in 1 2 3; do
    run "2nn-iid-$seed" "$(spec mlp '[784, 200, 200, 10]' 300 1 10 0.1)" "${mnist[@]}" --split iid --peers 100 --per-round 10 --seeds $seed --until 0.97
done
for seed in 1 2 3; do
    run "2nn-labels-$seed" "$(spec mlp '[784, 200, 200, 10]' 1000 1 10 0.05)" "${mnist[@]}" --split labels:2 --peers 100 --per-round 10 --seeds $seed --until 0.97
done
# LeNet-5 beside central training of as many steps.
for seed in 1 2 3; do
    run "lenet-mnist-$seed" "$(spec lenet5 '[784, 10]' 5 1 32 0.1)" "${mnist[@]}" --split iid --peers 10 --seeds $seed --central
    run "lenet-fashion-$seed" "$(spec lenet5 '[784, 10]' 5 1 32 0.1)" "${fashion[@]}" --split iid --peers 10 --seeds $seed --central
done
