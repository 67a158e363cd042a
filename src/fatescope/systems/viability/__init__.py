"""Living and dead cells at pixels, without a stain."""
