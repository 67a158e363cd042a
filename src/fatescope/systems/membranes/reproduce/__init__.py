"""``fatescope reproduce membranes-2021``: as published, then corrected."""
