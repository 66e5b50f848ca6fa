"""Which rights a scan takes: the smallest role, how to write it down, and what a given role leaves unreadable."""
