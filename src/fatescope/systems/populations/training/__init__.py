"""The network that counts cells in frames of movies. Needs torch."""
