"""``fatescope reproduce lineage-names-2020``: as published, then corrected."""
