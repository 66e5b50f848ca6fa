"""Conditions of checks: their grammar, and pure functions that decide them over documents."""
