"""Cells of each founder, counted in movies with intervals."""
