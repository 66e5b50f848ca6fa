"""Diagnoses: what stands between a user and a true scan, and the page and the command that mend it."""
