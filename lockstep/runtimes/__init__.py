"""Which runtimes there are, how each is started, and how its words are read."""
