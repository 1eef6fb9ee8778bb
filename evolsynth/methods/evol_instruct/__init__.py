"""Evol-Instruct: instructions that ask for more, round by round."""
