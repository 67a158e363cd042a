"""Cells between membranes: found, measured, named; and what trains and compares for them."""
