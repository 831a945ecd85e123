"""Public checks for those who add an explainer or an adapter, and models whose true explanation is known.

`contracts` checks explainers, `adapters` checks adapters, `mechanisms` has the models of known mechanism, `circuits` what they
are built with, `planted` asks whether patching finds their parts; `traces` tells what a call left behind on a model.
"""

from xai_widgets.testing.ask import ask

__all__ = ["ask"]
