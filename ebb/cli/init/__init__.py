"""`ebb init`: a function app with Ebb in it, new or added to one that exists."""
