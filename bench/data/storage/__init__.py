"""Where the images of a data set are held: on the device, in host memory, or in a file."""
