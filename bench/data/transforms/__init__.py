"""Random changes of a batch's images, each image with numbers of its own, as tensor code."""
