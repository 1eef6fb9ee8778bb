"""What reads a text: words, numbers, facts, verbs, language."""
