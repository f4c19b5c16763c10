"""Architectures: operations, cells, genotypes, the super-network and the discrete network."""
