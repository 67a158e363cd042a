"""Movies and annotations, checked for faults and shown; nothing is deleted."""
