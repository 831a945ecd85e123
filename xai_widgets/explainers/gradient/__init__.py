"""Methods that ask how the explained number changes with the input embeddings."""
