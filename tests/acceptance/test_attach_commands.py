"""`agentdb attach`, `work`, `search --in` and `detach`, as a shell sees them."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from agentdb.repositories.attachment import AttachmentStatus
from tests.acceptance.running import AGENTDB, agentdb, complaint, environment, printed
from tests.business import PRODUCTS, add_products, catalog
from tests.servers import run, value

TEXT = ("--text", "name, description", "--name", "products")


@pytest.fixture
def shop_url(database_url: str) -> str:
    run(database_url, PRODUCTS)
    add_products(database_url, 20)
    return database_url


def test_from_attach_to_detach(shop_url: str) -> None:
    before = catalog(shop_url)
    (made,) = printed("attach", "public.products", *TEXT, database_url=shop_url)
    assert set(made) == {*AttachmentStatus.__dataclass_fields__}
    assert (made["state"], made["rows"], made["embedded"]) == ("in step", 20, 20)

    run(shop_url, "UPDATE public.products SET name = 'warm jacket' WHERE id > 17")
    done = printed("work", "--once", database_url=shop_url)
    assert (done["embedded"], done["failed"]) == (3, 0)

    cheap = ("--filter", '{"price": {"lt": 20}, "in_stock": true}')
    found = printed(
        "search", "warm jacket", "--in", "products", "-k", "2", *cheap, database_url=shop_url
    )
    assert sorted(each["row"]["id"] for each in found) == [18, 19]
    assert found[0]["key"] == [found[0]["row"]["id"]]
    shown = agentdb(
        "search", "warm jacket", "--in", "products", "--explain", database_url=shop_url
    ).stdout
    assert "warm jacket" in shown
    assert "exact" in shown

    gone = agentdb("detach", "products", database_url=shop_url)
    assert (gone.returncode, gone.stderr) == (
        0,
        "products is detached, and 20 entries are deleted\n",
    )
    kept = "attached:products"
    assert value(shop_url, f"SELECT count(*) FROM agentdb.entries WHERE namespace = '{kept}'") == 0
    assert [line for line in catalog(shop_url) if line not in before] == []
    assert printed("attach", database_url=shop_url) == []


def test_rows_may_be_left_to_a_worker(shop_url: str) -> None:
    later = agentdb("attach", "public.products", *TEXT, "--later", database_url=shop_url)
    assert (later.returncode, "back-filling" in later.stdout) == (0, True)
    with subprocess.Popen(  # noqa: S603
        [*AGENTDB, "work", "--every", "0.1"],
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(database_url=shop_url),
    ) as worker:
        assert worker.stderr is not None
        assert worker.stderr.readline() == "embedded 20, removed 0, as they were 0\n"
        run(shop_url, "DELETE FROM public.products WHERE id = 1")
        assert worker.stderr.readline() == "embedded 0, removed 1, as they were 0\n"
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 130
        assert worker.stderr.read() == "agentdb: interrupted\n"


def test_an_interrupted_back_fill_goes_on(shop_url: str) -> None:
    add_products(shop_url, 30_000, first=100)
    with subprocess.Popen(  # noqa: S603
        [*AGENTDB, "attach", "public.products", *TEXT],
        stderr=subprocess.DEVNULL,
        env=environment(database_url=shop_url),
    ) as attaching:
        rows = "SELECT count(*) FROM agentdb.attached_rows"
        deadline = time.monotonic() + 60
        while not value(shop_url, rows):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        attaching.send_signal(signal.SIGINT)
        assert attaching.wait(20) == 130
    (now,) = printed("attach", database_url=shop_url)
    assert 0 < now["embedded"] < 30_020
    assert now["state"] == "back-filling"
    run(shop_url, "DELETE FROM public.products WHERE id > 500")
    run(shop_url, "ANALYZE public.products")  # how many a large table has is told by statistics
    printed("work", "--once", database_url=shop_url)
    (now,) = printed("attach", database_url=shop_url)
    assert (now["state"], now["embedded"], now["rows"]) == ("in step", 421, 421)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("attach", "public.products"), "--text 'name, description'"),
        (("attach", "public.product", "--text", "name"), "did you mean products?"),
        (("attach", "public.products", "--text", "nome"), "did you mean name?"),
        (("detach", "products"), "no table is attached as products"),
        (("search", "x", "--in", "products"), "agentdb attach TABLE --text COLUMNS"),
        (("search", "x", "--filter", "{}"), "name it with --in"),
        (("search", "x", "--in", "products", "--filter", "{"), "not JSON"),
    ],
)
def test_bad_input_gets_one_line(shop_url: str, arguments: tuple[str, ...], said: str) -> None:
    assert said in complaint(agentdb(*arguments, database_url=shop_url))


def test_a_table_that_is_gone_is_told(shop_url: str) -> None:
    agentdb("attach", "public.products", *TEXT, database_url=shop_url)
    run(shop_url, "DROP TABLE public.products")
    done = agentdb("work", "--once", database_url=shop_url)
    assert done.returncode == 1
    assert "has been dropped: agentdb detach products" in done.stderr
    assert "broken" in agentdb("attach", database_url=shop_url).stdout
    assert agentdb("detach", "products", database_url=shop_url).returncode == 0
