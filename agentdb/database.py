"""Our own storage, opened: engine, session, and the schema `agentdb` at the right revision."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import psycopg
from pgvector import Vector as Wire
from pgvector.psycopg.vector import VectorBinaryDumper
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.schema import CreateSchema

from agentdb import sql
from agentdb.errors import (
    BadSetting,
    DatabaseUnreachable,
    SchemaMissing,
    SchemaOutOfDate,
    SchemaTooNew,
    SetupMissing,
)
from agentdb.models.base import SCHEMA

SchemaState = Literal["current", "missing", "behind", "ahead"]

_CONNECT_SECONDS = 10
_UPGRADE_LOCK = 0x6167656E74646200  # "agentdb\0"; any number that nobody else uses
