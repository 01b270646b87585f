"""What the instructions compute: pure functions on unsigned bit patterns."""
