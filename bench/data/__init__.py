"""Data sets held in device memory, their splits, and batched augmentation."""
