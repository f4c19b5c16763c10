"""What makes a CPU fast: memory formats, depthwise gradients, pooling, freed memory that is kept.

Ordinary tensors go in and come out.
"""
