"""Azure on the wire: clouds, credentials, and the one session that sends requests (reads only)."""
