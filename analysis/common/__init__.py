"""What every analysis needs: the order of trials, statistics, plots, files."""
