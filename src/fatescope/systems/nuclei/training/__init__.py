"""Networks that draw outlines: targets, losses, scores, package. Needs torch."""
