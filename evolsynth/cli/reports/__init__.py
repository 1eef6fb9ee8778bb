"""Commands that show rows to a person, and take back what the person says of them."""
