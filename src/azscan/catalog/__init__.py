"""The catalogue: services and how they are read, the checks, and the frameworks they are mapped to."""
