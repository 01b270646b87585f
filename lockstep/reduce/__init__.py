"""Make a trace smaller while it still shows what it was kept for."""
