"""What an answer may stand on beside what was demanded of its form: a text, a sum, an original."""
