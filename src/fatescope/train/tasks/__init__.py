"""One file a task: samples, batches, loss and score."""
