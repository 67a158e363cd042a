"""Plates: listed, stitched, labelled from stains, followed to survival."""
