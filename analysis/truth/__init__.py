"""Known accuracies of what was found."""
