"""Finds what would go wrong with a deployment before it does."""
