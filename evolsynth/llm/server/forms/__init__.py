"""A request in the form of each kind of server, and what is made of its answer."""
