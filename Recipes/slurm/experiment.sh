#!/usr/bin/env bash
# The runs of an experiment as an array of jobs, one run each:
#
#   castle experiment plan Experiments/quick.yaml --data text=data/books    (how many runs there are)
#   sbatch --array=1-12 Recipes/slurm/experiment.sh Experiments/quick.yaml runs/quick --data text=data/books
#   castle experiment report Experiments/quick.yaml --output runs/quick --data text=data/books
#
# castle is that of make build, or what the variable CASTLE names. A job that is preempted or ends early saves, and goes
# on where it was when it is queued again.
#SBATCH --job-name=castle-experiment
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@120
set -euo pipefail
[ $# -ge 2 ] || {
  echo "error: $0 needs an experiment and the folder of its runs" >&2
  exit 2
}
experiment=$1 runs=$2
shift 2

exec srun --ntasks=1 "${CASTLE:-.build/release/castle}" experiment run "$experiment" --output "$runs" "$@" \
  --threads "${SLURM_CPUS_PER_TASK:-1}" --only "$SLURM_ARRAY_TASK_ID"
