"""The terminal door: parse, one call, print."""

from __future__ import annotations

import gc

# While a command starts, it makes much to keep and hardly a cycle: with rarer looks for those it
# is there in four fifths of the time.
gc.set_threshold(100_000)
