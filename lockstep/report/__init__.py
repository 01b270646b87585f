"""Consumers of news: the terminal and files. Each knows the news alone."""
