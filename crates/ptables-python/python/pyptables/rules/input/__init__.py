"""Rules for packets to this machine."""

from .base import InputRule

__all__ = ["InputRule"]
