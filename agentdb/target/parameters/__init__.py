"""Give `$1`, `$2`… believable values, so that a statement of pg_stat_statements can run.

repair (text) → read_roles (tree) → describe, sample (server) → draw (pure) → fill (tree)
"""

from __future__ import annotations

from agentdb.target.parameters.binding import Binding, bind
from agentdb.target.parameters.describing import NotExecutable
from agentdb.target.parameters.reading import read_part
from agentdb.target.parameters.repair import Repaired, repair

__all__ = ["Binding", "NotExecutable", "Repaired", "bind", "read_part", "repair"]
