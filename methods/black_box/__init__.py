"""Baselines that train architectures one by one and see nothing but their validation accuracy."""
