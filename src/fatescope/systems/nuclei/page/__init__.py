"""The report of ``predict nuclei``: what is read back from a run, chosen, and said of it."""
