"""Cells in bright field, each in its box, live or dead."""
