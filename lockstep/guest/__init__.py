"""Guests: modules that speak the protocol. Finding, building, auditing and grafting them."""
