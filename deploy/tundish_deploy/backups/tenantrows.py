"""One tenant's rows from a backup's database into another one, under numbers that are free there."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from tundish_deploy.backups.database import bound_column, owner_of, read_column, refers_upwards, tables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.store.segments.segment import SegmentFile

LEFT_BEHIND: Final = {
    "segment": "made anew: sequences are those of this platform's log",
    "sealed_up_to": "likewise",
    "retired_segment": "files that nobody needs any more",
    "tenant_removal": "of the platform that it was removed from",
    "job_turn": "of workers that ran then",
    "kept_answer": "answers to requests that were sent then",
}
"""Tables that do not come along, with the reason."""

KNOWN_BY: Final = {"user_account": ("login", "created_at"), "api_token": ("digest",)}
"""Tables above tenants that a tenant's rows refer to, with what tells the same one from another."""

# References that the database does not know of.
_SOFT: Final = {("alarm", "maintenance_id"): "maintenance_window"}


class TenantRows:
    """A tenant's rows on their way.

    Args:
        source: a backup's database, of this version.
        target: this platform's, in a transaction that reaches all tenants.
        number: of the tenant in the source.

    Attributes:
        tenant_id: number that the tenant gets here.
        segments: how many the source names.
        most_in_a_day: of one kind and day; their order is all that is left of their log sequences.
        brought: rows that came, all tables together.
        left_out: by table, rows that refer to tokens which are not here, or to people whose log-in is another
            person's here.
        people: log-ins of people who were not here. They come without a password.
        renumbered: tables whose rows got other numbers.
    """

    def __init__(self, source: sa.Connection, target: sa.Connection, number: int) -> None:
        self._source = source
        self._target = target
        self._number = number
        self._tables = {table.name: table for table in tables_of(source)}
        self._numbers: dict[str, dict[Any, Any]] = {}
        self._above: dict[str, dict[Any, Any]] = {}
        self.tenant_id = 0
        self.brought = 0
        self.left_out: dict[str, int] = {}
        self.people: list[str] = []
        self.renumbered: list[str] = []
        segment = self._tables["segment"]
        mine = segment.c.tenant_id == number
        days = sa.select(sa.func.count()).where(mine).group_by(segment.c.kind, segment.c.day)
        counts = list(source.scalars(days))
        self.segments, self.most_in_a_day = sum(counts), max(counts, default=0)

    def bring(self, newest: Sequence[SegmentFile], last: int) -> None:
        """Insert the tenant with all its rows.

        Args:
            newest: segments of rows that lay in none.
            last: log sequence up to which everything lies in segments.

        Raises:
            sqlalchemy.exc.IntegrityError: something that is only once is there already.
        """
        tenant = self._tables["tenant"]
        row = self._read(tenant, tenant.c.id == self._number)[0]
        self.tenant_id = row["id"] = self._free(tenant, 1)[0]
        self._insert(tenant, [row])
        for table in self._tables.values():
            owner = owner_of(table)
            if owner is not None and table.name not in LEFT_BEHIND:
                self._bring(table, self._read(table, owner == self._number))
        self._bring_segments(newest, last)

    def _bring(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        rows = self._placed(table, rows)
        if not rows:
            return
        self._number_rows(table, rows)
        upwards = refers_upwards(table)
        later = []
        for row in rows:
            row["tenant_id"] = self.tenant_id
            for column in table.columns:
                if column.name not in upwards and row[column.name] is not None:
                    row[column.name] = self._followed(table, column, row[column.name])
            later += [
                {"_id": row["id"], "_to": self._numbers[table.name][row[name]], "_in": name}
                for name in upwards
                if row[name] is not None
            ]
            for name in upwards:
                row[name] = None
        self._insert(table, rows)
        for name in upwards:
            found = [{"_id": one["_id"], "_to": one["_to"]} for one in later if one["_in"] == name]
            change = (
                table.update().where(table.c.id == sa.bindparam("_id")).values({name: sa.bindparam("_to")})
            )
            if found:
                self._target.execute(change, found)

    def _placed(self, table: sa.Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows of which all that they refer to above tenants is here, referring to it."""
        kept = []
        for row in rows:
            for key in table.foreign_keys:
                above, column = key.column.table.name, key.parent.name
                if above in KNOWN_BY and row[column] is not None:
                    row[column] = self._here(above).get(row[column]) or self._person(above, row[column])
                    if row[column] is None and not key.parent.nullable:
                        break
            else:
                kept.append(row)
        if len(kept) < len(rows):
            self.left_out[table.name] = len(rows) - len(kept)
        return kept

    def _here(self, above: str) -> dict[Any, Any]:
        """Numbers of people or tokens: theirs there, and theirs here."""
        if above not in self._above:
            table = self._tables[above]
            query = sa.select(table.c.id, *(table.c[name] for name in KNOWN_BY[above]))
            here = {_plain(row): row.id for row in self._target.execute(query)}
            there = self._source.execute(query)
            self._above[above] = {row.id: here[_plain(row)] for row in there if _plain(row) in here}
        return self._above[above]

    def _person(self, above: str, number: int) -> int | None:
        """Bring a person who is not here, unless somebody else has the log-in."""
        if above != "user_account":
            return None
        table = self._tables[above]
        row = self._read(table, table.c.id == number)[0]
        taken = sa.select(table.c.id).where(table.c.login == row["login"])
        if self._target.scalar(taken) is not None:
            return None
        # Factors of theirs stay behind, and a password alone may not be enough where they came from.
        row |= {"id": self._free(table, 1)[0], "password_hash": ""}
        self._insert(table, [row])
        self.people.append(row["login"])
        self._above[above][number] = row["id"]
        return int(row["id"])

    def _number_rows(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        key = list(table.primary_key.columns)
        if [column.name for column in key] != ["id"]:
            return
        wanted = [row["id"] for row in rows]
        given = wanted if self._all_free(table, wanted) else self._free(table, len(rows))
        if given != wanted:
            self.renumbered.append(table.name)
        self._numbers[table.name] = dict(zip(wanted, given, strict=True))
        for row, number in zip(rows, given, strict=True):
            row["id"] = number

    def _followed(self, table: sa.Table, column: sa.Column[Any], value: Any) -> Any:  # noqa: ANN401 - a key
        for key in column.foreign_keys:
            if key.column.name == "id" and key.column.table.name in self._numbers:
                return self._numbers[key.column.table.name][value]
        soft = _SOFT.get((table.name, column.name))
        return value if soft is None else self._numbers.get(soft, {}).get(value, value)

    def _all_free(self, table: sa.Table, wanted: list[Any]) -> bool:
        if not isinstance(table.c.id.type, sa.Integer):
            return True
        for at in range(0, len(wanted), 500):
            taken = sa.select(table.c.id).where(table.c.id.in_(wanted[at : at + 500])).limit(1)
            if self._target.scalar(taken) is not None:
                return False
        if self._target.dialect.name != "postgresql":
            return True
        # A number that was not given yet would be given to somebody else later.
        query = sa.text(
            "SELECT last_value FROM pg_sequences WHERE format('%I.%I', schemaname, sequencename) ="
            " pg_get_serial_sequence(:name, 'id')"
        )
        return bool(max(wanted) <= (self._target.scalar(query, {"name": table.name}) or 0))

    def _free(self, table: sa.Table, count: int) -> list[int]:
        if self._target.dialect.name == "postgresql":
            sequence = sa.func.nextval(sa.func.pg_get_serial_sequence(table.name, "id"))
            return [int(self._target.scalar(sa.select(sequence)) or 0) for _ in range(count)]
        first = self._target.scalar(sa.select(sa.func.max(table.c.id))) or 0
        numbers = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        given = self._target.scalar(sa.select(numbers.c.seq).where(numbers.c.name == table.name)) or 0
        first = max(first, given) + 1
        return list(range(first, first + count))

    def _bring_segments(self, newest: Sequence[SegmentFile], last: int) -> None:
        segment = self._tables["segment"]
        rows = self._read(segment, segment.c.tenant_id == self._number)
        rows.sort(key=lambda row: int(row["max_sequence"]))
        orders: Counter[tuple[Any, Any]] = Counter()
        for row in rows:
            place = row["kind"], row["day"]
            orders[place] += 1
            row |= {
                "min_sequence": orders[place], "max_sequence": orders[place], "tenant_id": self.tenant_id
            }  # fmt: skip
        for file in newest:
            row = {name: getattr(file, name) for name in file.__dataclass_fields__}
            rows.append(row | {"kind": file.kind.value, "tenant_id": self.tenant_id})
        for row, number in zip(rows, self._free(segment, len(rows)), strict=True):
            row["id"] = number
        self._insert(segment, rows)
        self._insert(self._tables["sealed_up_to"], [{"tenant_id": self.tenant_id, "sequence": last}])

    def _read(self, table: sa.Table, chosen: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
        query = sa.select(*(read_column(column) for column in table.columns)).where(chosen)
        names = table.columns.keys()
        return [dict(zip(names, row, strict=True)) for row in self._source.execute(query)]

    def _insert(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            values = {column.name: bound_column(column, self._target) for column in table.columns}
            self._target.execute(table.insert().values(values), rows)
            self.brought += len(rows)


def _plain(row: sa.Row[Any]) -> tuple[Any, ...]:
    """What tells the same one, the same from both databases."""
    return tuple(_without_zone(value) for value in tuple(row)[1:])


def _without_zone(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    zoned = isinstance(value, datetime) and value.tzinfo is not None
    return value.astimezone(UTC).replace(tzinfo=None) if zoned else value
