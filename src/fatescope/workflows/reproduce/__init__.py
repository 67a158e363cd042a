"""Stories of published recipes: as published, then corrected, on one page each."""
