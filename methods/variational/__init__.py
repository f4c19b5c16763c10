"""Mean-field Gaussians over relevances and weights: what the Bayesian methods share."""
