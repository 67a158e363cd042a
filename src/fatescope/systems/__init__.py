"""One folder for what a user calls by one name; what several share lies below."""
