"""lockstep: the same Wasm guest and the same events on every runtime, compared at each step."""

__version__ = "0.1.0"
