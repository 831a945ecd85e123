"""What a residual stream says in the words of the vocabulary."""
