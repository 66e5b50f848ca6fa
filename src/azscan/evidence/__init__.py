"""The evidence pack: verdicts by control, the answers of Azure that they rest on, and the hash of every file."""
