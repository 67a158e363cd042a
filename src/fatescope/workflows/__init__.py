"""One file a story: read from top to bottom, it explains one system."""
