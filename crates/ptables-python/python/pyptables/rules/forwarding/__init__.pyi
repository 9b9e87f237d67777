from .base import ForwardingRule as ForwardingRule

__all__ = ["ForwardingRule"]
