"""The network that finds live and dead cells: crops, loss, package. Needs torch."""
