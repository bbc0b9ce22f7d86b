"""Advice as a migration in a repository's own dialect: texts only, written in one place."""

from __future__ import annotations
