"""From maps to what is in an image: one file for each kind of output, and what they share."""
