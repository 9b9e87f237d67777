"""Rules for packets through this machine."""

from .base import ForwardingRule

__all__ = ["ForwardingRule"]
