"""Hyper-parameters of the evaluation, searched with Optuna on validation images."""
