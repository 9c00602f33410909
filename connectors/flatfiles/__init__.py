"""What sets of flat files have in common: columns by settings, sheets, and joins while reading."""
