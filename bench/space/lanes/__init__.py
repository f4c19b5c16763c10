"""Several candidates with the same inherited weights, evaluated in one program."""
