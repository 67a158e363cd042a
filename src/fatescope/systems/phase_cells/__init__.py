"""Cells in phase contrast, outlined as nuclei are."""
