"""Energy: a meter's readings as a set of rows, and what was delivered in each quarter of an hour. Pure."""
