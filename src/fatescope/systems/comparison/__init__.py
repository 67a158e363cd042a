"""Old against new: two packages on the same held-out units."""
