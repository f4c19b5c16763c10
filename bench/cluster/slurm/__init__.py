"""SLURM runs the jobs: `pool`; `node` is the far side, and `submit` alone imports submitit."""
