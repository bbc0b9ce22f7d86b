"""One way of having ideas per file: a case in, candidates out; pure."""

from __future__ import annotations
