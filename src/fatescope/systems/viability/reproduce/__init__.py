"""``fatescope reproduce live-dead-2024``: as published, then corrected."""
