from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from agentdb.embedded.place import Place
from agentdb.embedded.postmaster import Postmaster, read_postmaster

PID_FILE = "4711\n/x/data\n1795210000\n5432\n/x/run\n{address}\n  1234  0\nready   \n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "data").mkdir()
    return Place(tmp_path)


def test_what_a_running_server_writes_is_read(place: Place) -> None:
    (place.data / "postmaster.pid").write_text(PID_FILE.format(address=""), encoding="ascii")
    assert read_postmaster(place) == Postmaster(4711, 5432, "/x/run", "")


@pytest.mark.parametrize("text", ["", "4711\n/x/data\n", "\0" * 60])
def test_a_file_that_is_not_complete_tells_nothing(place: Place, text: str) -> None:
    (place.data / "postmaster.pid").write_text(text, encoding="ascii")
    assert read_postmaster(place) is None


def test_the_url_leads_to_the_socket_and_every_client_reads_it() -> None:
    address = Postmaster(1, 5432, "/a b/ñ&?=%/run", "").url("agentdb", "p@ss:w/rd")
    read = make_url(address)
    assert (read.username, read.password, read.database) == ("agentdb", "p@ss:w/rd", "agentdb")
    assert read.query == {"host": "/a b/ñ&?=%/run", "port": "5432"}


def test_the_url_leads_to_the_port_that_was_asked_for() -> None:
    asked = Postmaster(1, 5433, "/run", "127.0.0.1")
    assert asked.url("agentdb", "secret") == "postgresql://agentdb:secret@127.0.0.1:5433/agentdb"


def test_an_address_that_is_not_ours_is_not_handed_on() -> None:
    assert "host=/run" in Postmaster(1, 5433, "/run", "*").url("agentdb")


def test_the_url_without_a_password_has_none() -> None:
    assert Postmaster(1, 5432, "/run", "").url("x") == "postgresql://agentdb@/x?host=/run&port=5432"
