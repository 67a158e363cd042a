"""From labelled images to a model package, and the search for a recipe's settings."""
