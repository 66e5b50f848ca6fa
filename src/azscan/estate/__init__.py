"""The estate: what was read from Azure, kept in one SQLite file, and the documents that checks see."""
