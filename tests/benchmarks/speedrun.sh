#!/usr/bin/env bash
# cifar10_speedrun and its PyTorch twin in turn, on the same card, with all output kept.
#   tests/benchmarks/speedrun.sh cifar10.npz OUT [SEEDS] [TOGETHER]
# The file has x_train, y_train, x_test, y_test. Needs the extras [cuda] and [parity].
set -euo pipefail
data=$1 out=$2 seeds=${3:-40} together=${4:-8}
here=$(cd "$(dirname "$0")/../.." && pwd)
export XLA_PYTHON_CLIENT_PREALLOCATE=false
mkdir -p "$out"
jax() {
  name=$1
  shift
  python -m resnet_jax train --config=cifar10_speedrun --workdir="$out/$name" \
    --config.data.source=none --config.data.source.name=npz \
    --config.data.source.path="$data" --config.speedrun.seeds="$seeds" "$@" \
    | tee "$out/$name.txt"
}
cd "$here"
jax one_by_one
jax side_by_side --config.speedrun.together="$together"
for dtype in bfloat16 float16; do
  python tests/benchmarks/speedrun_torch.py --data="$data" --seeds="$seeds" \
    --dtype="$dtype" | tee "$out/torch_$dtype.txt"
done
