"""azscan reads the configuration of an Azure estate and holds it against declared checks."""

__version__ = "0.1.0"
