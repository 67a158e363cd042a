"""Rendered images, embryos, movies and plates as files, with their truth."""
