#!/bin/bash
#SBATCH --job-name=llama-finetune      # shown by haina jobs
#SBATCH --partition=public
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1            # torchrun starts the processes of a node
#SBATCH --gres=npu:8
#SBATCH --cpus-per-task=64
#SBATCH --mem=256G
#SBATCH --time=1-00:00:00
#SBATCH --output=logs/%x-%j.out
#SBATCH --error=logs/%x-%j.err
#SBATCH --mail-type=END,FAIL
#SBATCH --mail-user=li@example.org

set -e
head_node=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun torchrun --nnodes "$SLURM_NNODES" --nproc-per-node 8 --rdzv-id "$SLURM_JOB_ID" \
  --rdzv-backend c10d --rdzv-endpoint "$head_node:29500" train.py "$@"
