"""Generated programs: as trees, as bytes, as text, and what they should compute."""
