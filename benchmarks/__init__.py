"""Harnesses that print the numbers of the README and of docs/."""
