"""Django: which app a migration belongs to, and after which one it comes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentdb.delivery.migrations.files import migration_files, write_files
from agentdb.errors import UnclearRepository
from agentdb.repositories.advice import Optimization
from tests.advices import PLAIN, advice
from tests.unit.delivery.migrations.repositories import put

NAME = "agentdb_1a2b3c01_index_on_orders_customer_id"
ORDERS = 'class Order(Model):\n    class Meta:\n        db_table = "orders"\n'


def project(root: Path, **models: str) -> Path:
    """A project with an app for each keyword, and these models in it."""
    put(root, {"manage.py": ""})
    for app, text in models.items():
        put(root, {f"{app}/migrations/__init__.py": "", f"{app}/models.py": text})
    return root


def migration(*after: str, replaces: str = "[]") -> str:
    return (
        "class Migration(migrations.Migration):\n"
        f"    dependencies = [{', '.join(after)}]\n"
        f"    replaces = {replaces}\n"
    )


def delivered(root: Path, *of: Optimization, app: str | None = None) -> list[tuple[str, str]]:
    """Where the migrations go, and what each depends on."""
    files = migration_files(of or [advice()], root, "django", app=app)
    found = (re.search(r"dependencies = \[(.*?)\]", file.text, re.DOTALL) for file in files)
    return [
        (str(file.path), dependency[1].strip().rstrip(",") if dependency else "?")
        for file, dependency in zip(files, found, strict=True)
    ]


@pytest.mark.parametrize(
    ("table", "app"),
    [
        ("orders", "shop"),
        ("billing_invoice", "billing"),
        ("billing_invoice_lines", "billing"),
        ("stored", "shop"),
    ],
    ids=["db_table", "default", "between two models", "schema in db_table"],
)
def test_the_app_is_the_one_that_owns_the_table(tmp_path: Path, table: str, app: str) -> None:
    stored = ORDERS.replace('"orders"', '\'"depot"."stored"\'').replace("Order(", "Stored(")
    project(tmp_path, shop=ORDERS + stored, billing="class Invoice(Model):\n    pass\n")
    of = advice(PLAIN.on("public", table))
    assert delivered(tmp_path, of)[0][0].startswith(f"{app}/migrations/0001_agentdb_1a2b3c01_")


def test_an_app_goes_by_its_label(tmp_path: Path) -> None:
    project(tmp_path, shop="class Order(Model):\n    pass\n")
    put(tmp_path, {"shop/apps.py": "class Shop(AppConfig):\n    label = 'sales'\n"})
    put(tmp_path, {"shop/migrations/0001_initial.py": migration()})
    of = advice(PLAIN.on("public", "sales_order"))
    assert delivered(tmp_path, of)[0][1] == '("sales", "0001_initial")'


def test_models_may_be_a_package(tmp_path: Path) -> None:
    project(tmp_path, shop="")
    (tmp_path / "shop/models.py").unlink()
    put(tmp_path, {"shop/models/__init__.py": "", "shop/models/sold.py": ORDERS})
    assert delivered(tmp_path)[0][0] == f"shop/migrations/0001_{NAME}.py"


def test_a_table_of_no_model_needs_a_name(tmp_path: Path) -> None:
    project(tmp_path, shop="", billing="")
    with pytest.raises(UnclearRepository, match="no app of Django owns orders: name one of bill"):
        delivered(tmp_path)
    assert delivered(tmp_path, app="billing")[0][0].startswith("billing/")
    with pytest.raises(UnclearRepository, match="no app nobody has migrations"):
        delivered(tmp_path, app="nobody")


def test_a_table_of_two_apps_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(UnclearRepository, match="more than one app of Django owns orders"):
        delivered(project(tmp_path, shop=ORDERS, legacy=ORDERS))


def test_it_comes_after_the_last_one(tmp_path: Path) -> None:
    project(tmp_path, shop=ORDERS)
    put(tmp_path, {
        "shop/migrations/0001_initial.py": migration('("auth", "0012_x")'),
        "shop/migrations/0002_more.py": migration('("shop", "0001_initial")'),
        "shop/migrations/helpers.py": "",
    })  # fmt: skip
    path, after = delivered(tmp_path)[0]
    assert (path, after) == (f"shop/migrations/0003_{NAME}.py", '("shop", "0002_more")')


def test_what_was_squashed_does_not_count(tmp_path: Path) -> None:
    project(tmp_path, shop=ORDERS)
    first, second = "shop/migrations/0001_a.py", "shop/migrations/0002_b.py"
    squashed = migration(replaces='[("shop", "0001_a"), ("shop", "0002_b")]')
    put(tmp_path, {first: migration(), second: migration('("shop", "0001_a")')})
    put(tmp_path, {"shop/migrations/0001_squashed_0002_b.py": squashed})
    assert delivered(tmp_path)[0][1] == '("shop", "0001_squashed_0002_b")'
    put(tmp_path, {"shop/migrations/0003_c.py": migration('("shop", "0002_b")')})
    assert delivered(tmp_path)[0][1] == '("shop", "0003_c")'


def test_two_last_migrations_are_to_be_merged_first(tmp_path: Path) -> None:
    project(tmp_path, shop=ORDERS)
    put(tmp_path, {f"shop/migrations/000{n}_x.py": migration() for n in (1, 2)})
    with pytest.raises(UnclearRepository, match=r"0001_x, 0002_x.*makemigrations --merge"):
        delivered(tmp_path)


def test_several_come_one_after_the_other(tmp_path: Path) -> None:
    project(tmp_path, shop=ORDERS)
    files = delivered(tmp_path, advice(), advice(number=2))
    assert files[1][0].startswith("shop/migrations/0002_agentdb_1a2b3c02_")
    assert files[1][1] == f'("shop", "0001_{NAME}")'


def test_what_is_delivered_twice_is_there_once(tmp_path: Path) -> None:
    project(tmp_path, shop=ORDERS)
    first = migration_files([advice()], tmp_path, "django")
    write_files(first, tmp_path)
    assert migration_files([advice()], tmp_path, "django") == first
    assert delivered(tmp_path, advice(), advice(number=2))[1][1] == f'("shop", "0001_{NAME}")'
