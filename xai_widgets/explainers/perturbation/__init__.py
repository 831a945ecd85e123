"""Methods that take parts of the input away and look at the explained number again."""
