"""Work that may take long: one thread a model, slots in which the newest request wins, cancel, progress, a cache."""
