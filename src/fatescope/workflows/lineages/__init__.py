"""Stories about lineages: check, convert, draw, compare, edit."""
