"""Campaigns: what to run next, what was found, when to stop."""
