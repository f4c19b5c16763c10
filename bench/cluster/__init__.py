"""Other machines: what is known of a cluster, and pools that run jobs there."""
