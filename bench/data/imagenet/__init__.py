"""ImageNet, as photographs and downsampled; nothing is downloaded, for its terms' sake."""
