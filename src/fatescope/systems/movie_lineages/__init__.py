"""From a movie of volumes to a named lineage: nuclei, links and divisions, names."""
