"""Nuclei outlined, counted, measured: fluorescence and electron micrographs."""
