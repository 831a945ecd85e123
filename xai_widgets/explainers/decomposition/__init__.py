"""A number as the sum of what parts of the model wrote."""
