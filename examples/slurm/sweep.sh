#!/bin/bash -l
#SBATCH -J sweep -p research
#SBATCH -a 1-20:2%4
#SBATCH -n 1 -c 8 --mem-per-cpu 4000
#SBATCH -G 1 -t 90
#SBATCH -o sweep_%A_%3a.txt
#SBATCH -d afterok:17

rates=(0.1 0.03 0.01 0.003 0.001)
python3 train.py --rate "${rates[$((SLURM_ARRAY_TASK_ID % 5))]}" --seed "$SLURM_ARRAY_TASK_ID"
