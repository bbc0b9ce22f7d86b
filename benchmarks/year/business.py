"""The business whose year is simulated: its tables, and what its application sends."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from random import Random

ROWS = 5000
SMALL = {"refunds": 1500}
VALUES = 400  # of each column that rows are looked up by
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "orders": ("customer_id", "shop_id", "voucher_id", "region_id"),
    "items": ("order_id", "product_id", "batch_id", "bundle_id"),
    "payments": ("order_id", "account_id", "terminal_id", "branch_id"),
    "shipments": ("order_id", "carrier_id", "depot_id", "route_id"),
    "tickets": ("customer_id", "agent_id", "topic_id", "queue_id"),
    "reviews": ("product_id", "customer_id", "campaign_id", "store_id"),
    "visits": ("customer_id", "page_id", "referrer_id", "device_id"),
    "invoices": ("customer_id", "order_id", "ledger_id", "unit_id"),
    "stock": ("product_id", "depot_id", "supplier_id", "bin_id"),
    "refunds": ("payment_id", "agent_id", "reason_id", "desk_id"),
    "messages": ("sender_id", "thread_id", "channel_id", "folder_id"),
    "returns": ("order_id", "item_id", "depot_id", "lane_id"),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement of the application, how often a reading's worth of work sends it, and when.

    `text` takes `{v}`, a value that rows are looked up by, `{n}`, the number of a row, `{w}`, how
    many rows a range is wide, and `{x}`, a word.
    """

    text: str
    calls: float = 8
    weekend_calls: float = 5
    width: int = 100
    weekend_width: int = 100

    def texts(self, rng: Random, factor: float, width: int, *, weekend: bool) -> Iterator[str]:
        """Yield what is sent, with values drawn; a call that is not whole is sent by chance."""
        calls = factor * (self.weekend_calls if weekend else self.calls)
        wide = width * (self.weekend_width if weekend else self.width) // 100
        for _ in range(int(calls + rng.random())):
            yield self.text.format(
                v=rng.randrange(VALUES),
                n=rng.randrange(1, 1000),
                w=wide,
                x="".join(rng.choices(_LETTERS, k=4)),
            )


def schema(tables: Collection[str]) -> Iterator[str]:
    """Yield what makes the tables, with rows; nothing but primary keys is indexed."""
    for number, table in enumerate(tables):
        yield create_table(table)
        yield fill(table, 1, SMALL.get(table, ROWS), number)
    yield "VACUUM ANALYZE"


def create_table(table: str) -> str:
    """Return what makes a table."""
    columns = ", ".join(f"{column} int NOT NULL" for column in COLUMNS[table])
    return (
        f"CREATE TABLE {table} (id int PRIMARY KEY, {columns}, amount int NOT NULL, "
        "status int NOT NULL, made_at timestamptz NOT NULL, note text NOT NULL)"
    )


def fill(table: str, first: int, last: int, number: int = 0) -> str:
    """Return what adds rows; the same numbers are the same rows.

    Rows of status 4 are one in twenty, and the latest; those before are of 0 to 3.
    """
    drawn = ", ".join(
        f"(hashint4(n + {7 * place + 101 * number}) & 1048575) % {VALUES}"
        for place in range(len(COLUMNS[table]))
    )
    late = "(hashint4(n + 5) & 1048575) / 1048576.0"
    return (
        f"INSERT INTO {table} SELECT n, {drawn}, n % 97, "  # noqa: S608
        f"CASE WHEN {late} > 0.95 THEN 4 ELSE n % 4 END, "
        f"timestamptz '2026-01-01 00:00+00' + {late} * interval '300 days', "
        f"md5(n::text) || md5((n + 7)::text) FROM generate_series({first}, {last}) n"
    )


def workload(tables: Collection[str]) -> dict[str, Sent]:
    """Return what the application sends, by name: `orders.shop_id` looks orders up by shop."""
    sent = {
        f"{table}.{column}": Sent(f"SELECT sum(amount) FROM {table} WHERE {column} = {{v}}")  # noqa: S608
        for table in tables
        for column in COLUMNS[table]
    }
    for table in tables:
        sent[f"{table}.report"] = Sent(
            f"SELECT status, count(*), sum(amount) FROM {table} GROUP BY status",  # noqa: S608
            calls=3,
            weekend_calls=2,
        )
    special = (name for name in SPECIAL if name.partition(".")[0] in tables)
    return sent | {name: SPECIAL[name] for name in special}


SPECIAL: Mapping[str, Sent] = {
    "messages.sender_id": Sent(
        "SELECT sum(amount) FROM messages WHERE sender_id = {v} AND status IN (1, 2)"
    ),
    "messages.search": Sent(
        "SELECT count(*) FROM messages WHERE note LIKE '%{x}%'", calls=3, weekend_calls=2
    ),
    "messages.edit": Sent(
        "UPDATE messages SET note = md5(note) || md5('{x}') WHERE id BETWEEN {n} AND {n} + 19",
        calls=8,
        weekend_calls=5,
    ),
    "visits.touch": Sent("UPDATE visits SET amount = amount + 1 WHERE id = {n}"),
    "tickets.latest": Sent(
        "SELECT id, note FROM tickets WHERE status = 4 ORDER BY made_at LIMIT 3"
    ),
    "items.unmatched": Sent(
        "SELECT count(*) FROM items WHERE status = 4 "
        "AND batch_id NOT IN (SELECT voucher_id FROM orders)",
        calls=2,
        weekend_calls=2,
    ),
    "items.joined": Sent(
        "SELECT count(*) FROM items JOIN refunds ON items.status = 4 AND refunds.status = 4 "
        "JOIN orders ON orders.voucher_id = items.batch_id AND orders.region_id = refunds.desk_id "
        "WHERE orders.id = {n}",
        calls=3,
        weekend_calls=2,
    ),
    "orders.range": Sent("SELECT sum(amount) FROM orders WHERE id BETWEEN {n} AND {n} + {w}"),
    # Weekends are always slower for this one: nobody's regression.
    "items.range": Sent(
        "SELECT sum(amount) FROM items WHERE id BETWEEN {n} AND {n} + {w}", weekend_width=2000
    ),
    # At the end of each month the ranges are wide, in the other weeks they are not.
    "invoices.range": Sent("SELECT sum(amount) FROM invoices WHERE id BETWEEN {n} AND {n} + {w}"),
    "refunds.rare": Sent(
        "SELECT count(*) FROM refunds WHERE reason_id = {v} AND amount > 3", 0.07, 0.07
    ),
    "stock.new": Sent("SELECT max(amount) FROM stock WHERE status = 1 AND id > {n}"),
    "reviews.new": Sent("SELECT min(made_at) FROM reviews WHERE amount > {v}"),
    "returns.new": Sent("SELECT count(*) FROM returns WHERE made_at > '2026-06-01'"),
    "stock.old": Sent("SELECT min(amount) FROM stock WHERE status = 2 AND id > {n}"),
    "reviews.old": Sent("SELECT max(made_at) FROM reviews WHERE amount < {v}"),
    "returns.old": Sent("SELECT max(id) FROM returns WHERE made_at < '2026-06-01'"),
}
