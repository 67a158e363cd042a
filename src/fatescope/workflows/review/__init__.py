"""Corrections of results: labels, the tables made from them, training pairs, a model adapted."""
