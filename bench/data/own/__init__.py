"""People's own images: folders, .npz files and any torch Dataset."""
