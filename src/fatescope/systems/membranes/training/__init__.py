"""Networks of walls: crops, scores, package. Needs torch."""
