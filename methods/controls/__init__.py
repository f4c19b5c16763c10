"""Controls: architectures that no super-network was trained for."""
