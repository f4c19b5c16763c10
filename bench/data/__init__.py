"""Data sets, their splits, where their images are held, and batched augmentation."""
