#!/usr/bin/env bash
# Trains one model on several processes, as many jobs as it takes: a job that is preempted, or whose time is nearly up,
# saves and asks to be queued again.
#
#   sbatch Recipes/slurm/train.sh CONFIG RUN [SETTINGS...]
#   sbatch --ntasks=16 Recipes/slurm/train.sh Recipes/30m.yaml runs/first --set data.shards=data/books
#
# castle is that of make build MPI=1, or what the variable CASTLE names. CASTLE_SRUN_MPI is what srun calls the way in
# which processes of the MPI library meet: pmix for Open MPI, pmi2 for MPICH (srun --mpi=list).
#SBATCH --job-name=castle-train
#SBATCH --ntasks=2
#SBATCH --cpus-per-task=1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@120
set -euo pipefail
[ $# -ge 2 ] || {
  echo "error: $0 needs a configuration and the folder of the run" >&2
  exit 2
}
config=$1 run=$2
shift 2

# srun passes Slurm's SIGTERM on; castle saves, and ends well. This script must live longer.
trap '' TERM
status=0
srun --mpi="${CASTLE_SRUN_MPI:-pmix}" --kill-on-bad-exit=1 "${CASTLE:-.build/release/castle}" train \
  --config "$config" --set "output=$run" "$@" --threads "${SLURM_CPUS_PER_TASK:-1}" --resume || status=$?

if [ -d "$run/model" ]; then
  echo "$run is trained"
elif [ "$status" -eq 0 ]; then
  echo "$run is saved; job $SLURM_JOB_ID is queued again"
  scontrol requeue "$SLURM_JOB_ID"
else
  exit "$status"
fi
