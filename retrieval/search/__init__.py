"""Moments that fit a query: vectors and full text, fused."""
