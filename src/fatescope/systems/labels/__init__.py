"""Label images: measured, scored against the truth, corrected."""
