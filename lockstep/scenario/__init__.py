"""What to do to a cluster, drawn from a source of choices."""
