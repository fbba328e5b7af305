#!/usr/bin/env bash

#SBATCH --nodes 4 --ntasks 32 --gpus-per-task=1
#SBATCH --cpus-per-gpu=8
#SBATCH --mem-per-gpu=24G
#SBATCH --time 2:30:00
#SBATCH --exclusive --requeue --signal=B:USR1@60
#SBATCH --export=ALL,XLA_PYTHON_CLIENT_MEM_FRACTION=.9

# jax.distributed.initialize() finds its peers by SLURM_JOB_ID, SLURM_STEP_NODELIST, SLURM_PROCID and SLURM_NTASKS.
srun --kill-on-bad-exit=1 --label python3 train.py
