"""Search methods, one file each; found through the entry-point group `bench.methods`."""
