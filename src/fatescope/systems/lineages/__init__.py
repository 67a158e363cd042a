"""Lineages checked, converted, drawn, named, compared, linked, edited."""
