"""``fatescope reproduce nuclei-2020``: as published, then corrected."""
