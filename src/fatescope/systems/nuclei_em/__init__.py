"""Nuclei in electron micrographs of sections: the way is that of nuclei, with another model."""
