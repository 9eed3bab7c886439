"""Replayed code only: the eternal cycle."""
