"""Makes the data files of shared/regions out of older lists of regions: `make regions`."""
