"""What makes a CPU fast: memory formats, depthwise gradients, pooling. Ordinary tensors go in and
come out."""
