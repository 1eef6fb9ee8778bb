"""How varied a set of texts is."""
