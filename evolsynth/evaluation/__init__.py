"""What is good, what is lost, what was there before."""
