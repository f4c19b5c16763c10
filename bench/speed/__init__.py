"""`bench speed`: what a step costs, measured on this machine; needs torch and NumPy alone."""
