"""Public checks for those who add an explainer or an adapter, and models whose true explanation is known."""

from xai_widgets.testing.ask import ask

__all__ = ["ask"]
