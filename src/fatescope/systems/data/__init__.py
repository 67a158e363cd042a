"""Data sets: fetched with their hash, and packed to hand on."""
