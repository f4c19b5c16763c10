"""The roofline: the least time of a step on this machine, and the share of it that is reached."""
