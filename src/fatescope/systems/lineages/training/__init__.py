"""Networks that name cells from rows of a table. Needs torch."""
