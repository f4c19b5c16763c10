"""How sure a trained network is of its predictions, and whether it should be."""
