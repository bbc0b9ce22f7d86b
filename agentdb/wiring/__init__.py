"""Settings in, working parts out: the only room that chooses implementations.

One file behind each door; they are imported one by one, so that a command pays for what it uses.
"""

from __future__ import annotations
