"""Networks that give each pixel a class. Needs torch."""
