"""``fatescope reproduce movies-2020``: as published, then corrected."""
