"""Passes over a program, as those over a trace: they only propose candidates."""
