"""Collecting: which reads the chosen checks need, and making them."""
