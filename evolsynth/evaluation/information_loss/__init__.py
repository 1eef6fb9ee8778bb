"""How lost information is found: words are paired off, then each kind of fact, then each clause."""
