"""Alembic: where revisions go, and after which one."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from agentdb.delivery.migrations.files import migration_files, write_files
from agentdb.errors import UnclearRepository
from tests.advices import advice
from tests.unit.delivery.migrations.repositories import put

INI = {"alembic.ini": "[alembic]\nscript_location = %(here)s/db\n", "db/env.py": ""}


def revision(name: str, after: str = "None") -> str:
    return f'revision: str = "{name}"\ndown_revision: str | None = {after}\n'


def delivered(root: Path, *numbers: int) -> list[tuple[str, str | None]]:
    """Where the revisions go, and after which one each comes."""
    files = migration_files([advice(number=n) for n in numbers or (1,)], root, "alembic")
    return [(str(file.path), _after(file.text)) for file in files]


def _after(text: str) -> str | None:
    for node in ast.parse(text).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "down_revision":
            assert node.value is not None
            found: str | None = ast.literal_eval(node.value)
            return found
    raise AssertionError(text)


NAME = "agentdb_1a2b3c01_index_on_orders_customer_id.py"


def test_the_first_revision_of_all(tmp_path: Path) -> None:
    assert delivered(put(tmp_path, INI)) == [(f"db/versions/{NAME}", None)]


def test_it_comes_after_the_only_head(tmp_path: Path) -> None:
    put(tmp_path, INI)
    put(tmp_path, {"db/versions/a.py": revision("a"), "db/versions/b.py": revision("b", '"a"')})
    assert delivered(tmp_path) == [(f"db/versions/{NAME}", "b")]


def test_a_merge_is_one_head(tmp_path: Path) -> None:
    put(tmp_path, INI)
    for name, after in [("a", "None"), ("b", '"a"'), ("c", '"a"'), ("m", '("b", "c")')]:
        put(tmp_path, {f"db/versions/{name}.py": revision(name, after)})
    assert delivered(tmp_path)[0][1] == "m"


def test_several_come_one_after_the_other(tmp_path: Path) -> None:
    put(tmp_path, INI | {"db/versions/a.py": revision("a")})
    assert [after for _, after in delivered(tmp_path, 1, 2)] == ["a", "agentdb_1a2b3c01"]


def test_several_heads_are_to_be_merged_first(tmp_path: Path) -> None:
    put(tmp_path, INI | {"db/versions/a.py": revision("a"), "db/versions/b.py": revision("b")})
    with pytest.raises(UnclearRepository, match=r"heads \(a, b\): run `alembic merge heads`"):
        delivered(tmp_path)


def test_what_is_delivered_twice_is_there_once(tmp_path: Path) -> None:
    put(tmp_path, INI | {"db/versions/a.py": revision("a")})
    first = migration_files([advice()], tmp_path, "alembic")
    assert len(write_files(first, tmp_path)) == 1
    put(tmp_path, {"db/versions/z.py": revision("z", '"agentdb_1a2b3c01"')})
    again = migration_files([advice()], tmp_path, "alembic")
    assert again == first
    assert write_files(again, tmp_path) == ()


def test_a_revision_renamed_by_hand_is_known_again(tmp_path: Path) -> None:
    put(tmp_path, INI | {"db/versions/2026_x.py": revision("agentdb_1a2b3c01")})
    assert delivered(tmp_path, 1, 2)[0][0] == "db/versions/2026_x.py"
    assert delivered(tmp_path, 1, 2)[1][1] == "agentdb_1a2b3c01"


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({"pyproject.toml": '[tool.alembic]\nscript_location = "%(here)s/db"\n'}, "db"),
        ({"alembic.ini": "[alembic]\nscript_location = app:db\n", "src/app/db/env.py": ""},
         "src/app/db"),
        ({"web/alembic.ini": "[alembic]\nscript_location = db\n", "web/db/env.py": ""}, "web/db"),
        ({"db/script.py.mako": "", "db/alembic.ini": "[alembic]\n# Flask-Migrate's\n"}, "db"),
    ],
    ids=["pyproject", "package", "below", "flask"],
)  # fmt: skip
def test_migrations_are_where_they_are_configured(
    tmp_path: Path, files: dict[str, str], folder: str
) -> None:
    put(tmp_path, {"db/env.py": ""} | files)
    assert delivered(tmp_path)[0][0] == f"{folder}/versions/{NAME}"


def test_a_revision_goes_where_its_head_is(tmp_path: Path) -> None:
    ini = "[alembic]\nscript_location = db\nversion_locations = %(here)s/one %(here)s/two\n"
    put(tmp_path, {"alembic.ini": ini, "db/env.py": ""})
    put(tmp_path, {"one/a.py": revision("a"), "two/b.py": revision("b", '"a"')})
    assert delivered(tmp_path) == [(f"two/{NAME}", "b")]


def test_our_own_repository_is_understood() -> None:
    path, after = delivered(Path(__file__).parents[4])[0]
    assert Path(path).parent == Path("migrations/versions")
    assert after is not None
    assert after[:4].isdecimal()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"db/versions/a.py": "revision = 'a' + x"}, "computes its revision"),
        ({"db/versions/a.py": "def ("}, "no Python that can be read"),
        ({"alembic.ini": "[alembic]\nscript_location = gone\n"}, "which is not there"),
        ({"alembic.ini": "no ini"}, "cannot be read"),
        ({"web/alembic.ini": "[alembic]\nscript_location = x\n", "web/x/env.py": ""},
         "in db, web/x"),
    ],
)  # fmt: skip
def test_what_is_unclear_is_said(tmp_path: Path, files: dict[str, str], words: str) -> None:
    put(tmp_path, INI | files)
    with pytest.raises(UnclearRepository, match=words):
        delivered(tmp_path)


def test_without_a_way_back_downgrade_says_so(tmp_path: Path) -> None:
    lost = replace(advice(), rollback_sql=None)
    (file,) = migration_files([lost], put(tmp_path, INI), "alembic")
    assert 'raise NotImplementedError("no way back is known")' in file.text
    ast.parse(file.text)
