"""What both sides of the platform share: the model bundle's format, and the command for people."""
