from .base import InputRule as InputRule

__all__ = ["InputRule"]
