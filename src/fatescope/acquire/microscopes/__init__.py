"""Files as microscopes write them: one file a format, each through a library of the extra."""
