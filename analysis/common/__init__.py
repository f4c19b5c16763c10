"""What topics share: the order of trials, statistics, known data, plots, pages, files."""
