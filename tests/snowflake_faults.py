"""What becomes of a statement between the connector and the emulated Snowflake: it is executed, broken, or made wait.

What Snowflake has and the emulator lacks is answered here, as Snowflake's documentation describes it: session ids,
SHOW TRANSACTIONS and SYSTEM$ABORT_TRANSACTION, locks of tables that are waited for and then refused (000625), and a
request that the connector repeats under its requestId, which is not executed again. The transaction of a client that
is gone stays open until it is aborted. `snowflake_proxy.py` speaks HTTP.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

LOGIN = "LOGIN"
"""What stands for a login where statements are matched."""
_LOCKING = re.compile(r'\s*(?:UPDATE|DELETE FROM|MERGE INTO|INSERT OVERWRITE INTO)\s+([\w."$]+)', re.I)
"""Statements that lock their table; an INSERT does not."""
_ABORT = re.compile(r"SELECT SYSTEM\$ABORT_TRANSACTION\((\d+)\)", re.I)
_TRANSACTIONS = {
    "id": "fixed", "user": "text", "session": "fixed", "name": "text", "started_on": "timestamp_ltz", "state": "text",
    "scope": "fixed",
}  # fmt: skip


@dataclass
class Statement:
    """One request of a client, and how it can be answered."""

    sql: str
    token: str
    request_id: str
    forward: Callable[[], tuple[int, bytes]]
    answer: Callable[[int, bytes], None]
    reset: Callable[[], None]

    def refuse(self, code: str, state: str, message: str) -> None:
        """Answer as Snowflake does where it does not execute a statement."""
        self.answer(200, _refused(code, state, message))


Act = Callable[[Statement], None]


@dataclass
class Fault:
    """What is to become of the `nth` statement that matches, and of `times` - 1 after it."""

    pattern: str
    act: Act
    nth: int = 1
    times: int = 1
    seen: int = 0

    def meets(self, sql: str) -> bool:
        """Whether this statement is one of them; counts it."""
        if not re.search(self.pattern, sql, re.I | re.S):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


@dataclass
class Session:
    """What Snowflake knows of a session."""

    number: int
    user: str
    transaction: int | None = None
    since: float = 0
    bodies: list[Callable[[], tuple[int, bytes]]] = field(default_factory=list)
    """The statements of its transaction."""
    locks: set[str] = field(default_factory=set)
    """Tables that it changes, or has changed in its transaction."""

    def end(self) -> None:
        """Its transaction is over."""
        self.transaction = None
        self.locks.clear()


@dataclass
class Proxy:
    """One that listens; `statements` is what clients sent, in order."""

    upstream: tuple[str, int]
    port: int
    lock_seconds: float
    statements: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    sessions: dict[str, Session] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    """Requests that no repetition gets through."""
    _answered: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    _guard: threading.RLock = field(default_factory=threading.RLock)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1442254688149))

    def clear(self) -> None:
        """Break nothing any more, and forget what was said."""
        with self._guard:
            self.faults.clear()
            self.statements.clear()
            self._answered.clear()

    def reset(self, pattern: str, nth: int = 1) -> None:
        """The connection is reset before the statement arrives; the connector repeats the request."""
        self.faults.append(Fault(pattern, lambda statement: statement.reset(), nth))

    def lose_answer(self, pattern: str, nth: int = 1, for_good: bool = False, without: str = "") -> None:
        """The statement is executed, then the connection is reset; `for_good`: and whenever the request is repeated.

        `without`: an option of the statement that Snowflake does not get to.
        """

        def act(statement: Statement) -> None:
            if without:
                assert without in statement.sql
                self._send(statement.token, statement.sql.replace(without, ""))
            else:
                self.execute(statement)
            if for_good:
                self.lost.add(statement.request_id)
            statement.reset()

        self.faults.append(Fault(pattern, act, nth))

    def cut(self, pattern: str, nth: int = 1) -> None:
        """The statement never arrives, however often the request is repeated."""

        def act(statement: Statement) -> None:
            self.lost.add(statement.request_id)
            statement.reset()

        self.faults.append(Fault(pattern, act, nth))

    def refuse(self, pattern: str, code: str, state: str, message: str, nth: int = 1, times: int = 1) -> None:
        """Snowflake answers with an error."""
        self.faults.append(Fault(pattern, lambda s: s.refuse(code, state, message), nth, times))

    def unavailable(self, pattern: str, times: int) -> None:
        """Snowflake's front answers 503 so many times."""
        self.faults.append(Fault(pattern, lambda s: s.answer(503, b"Service Unavailable"), times=times))

    def said(self, text: str) -> bool:
        """Whether a result has this text in it."""
        found = [json.loads(body).get("data") or {} for status, body in self._answered.values() if status == 200]
        return any(text.encode() in base64.b64decode(data.get("rowsetBase64") or "") for data in found)

    def log_in(self, token: str, user: str) -> int:
        """A session begins; its id."""
        with self._guard:
            self.sessions[token] = Session(103079321618 + len(self.sessions), user)
            return self.sessions[token].number

    def open_transactions(self) -> int:
        """How many transactions are open, of whatever session."""
        with self._guard:
            return sum(s.transaction is not None for s in self.sessions.values())

    def roll_back_open(self) -> int:
        """Roll back what clients left open, as Snowflake does after a while; how many there were."""
        with self._guard:
            found = [s for s in self.sessions.items() if s[1].transaction is not None]
        for token, session in found:
            self._roll_back(token, session)
        return len(found)

    def end(self, token: str) -> None:
        """A client closes its session: what it left open is rolled back."""
        session = self.sessions.get(token)
        if session and session.transaction is not None:
            self._roll_back(token, session)

    def handle(self, statement: Statement) -> None:
        """What becomes of a statement."""
        with self._guard:
            again = statement.request_id in self._answered
            if not again and statement.request_id not in self.lost:
                self.statements.append(statement.sql)
                found = [fault for fault in self.faults if fault.meets(statement.sql)]
            else:
                found = []
        if statement.request_id in self.lost:
            statement.reset()
        elif again:
            statement.answer(*self._answered[statement.request_id])
        elif found:
            found[0].act(statement)
        else:
            statement.answer(*self.execute(statement))

    def execute(self, statement: Statement) -> tuple[int, bytes]:
        """Have it executed; its answer, which a repetition of the request gets too."""
        status, body = self._execute(statement)
        if status < 500:
            with self._guard:
                self._answered[statement.request_id] = (status, body)
        return status, body

    def _execute(self, statement: Statement) -> tuple[int, bytes]:
        session, word = self.sessions[statement.token], statement.sql.strip().upper()
        if word == "SHOW TRANSACTIONS":
            return 200, self._transactions()
        if found := _ABORT.match(statement.sql):
            return 200, self._abort(int(found[1]))
        found = _LOCKING.match(statement.sql)
        table = found[1].replace('"', "").upper() if found else ""
        if not self._lock(statement.token, session, table):
            return 200, _refused(
                "000625", "57014", f"Statement has locked table '{table}' in another transaction: timeout."
            )
        try:
            status, body = statement.forward()
        finally:
            with self._guard:
                if session.transaction is None:
                    session.locks.discard(table)
        with self._guard:
            if word == "BEGIN":
                session.transaction, session.since, session.bodies = next(self._ids), time.time(), []
            elif word in ("COMMIT", "ROLLBACK"):
                session.end()
            if session.transaction is not None:
                session.bodies.append(statement.forward)
        return status, body

    def _lock(self, token: str, session: Session, table: str) -> bool:
        """Wait until no other transaction has changed the table; whether it came to that."""
        until, waited = time.monotonic() + self.lock_seconds, False
        while table:
            with self._guard:
                others = (other for other in self.sessions.values() if other is not session)
                if not any(table in other.locks for other in others):
                    session.locks.add(table)
                    break
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
            waited = True
        if waited and session.transaction is not None:
            # The emulator's transaction sees what was committed before it began, Snowflake's what is by now.
            self._send(token, "ROLLBACK")
            for forward in session.bodies:
                forward()
        return True

    def _roll_back(self, token: str, session: Session) -> None:
        self._send(token, "ROLLBACK")
        with self._guard:
            session.end()

    def _send(self, token: str, sql: str) -> None:
        connection = http.client.HTTPConnection(*self.upstream, timeout=60)
        headers = {"Content-Type": "application/json", "Authorization": f'Snowflake Token="{token}"'}
        connection.request("POST", "/queries/v1/query-request", json.dumps({"sqlText": sql}), headers)
        connection.getresponse().read()
        connection.close()

    def _transactions(self) -> bytes:
        with self._guard:
            rows = [
                [str(s.transaction), s.user, str(s.number), "a5b1", f"{s.since:.9f}", "running", "0"]
                for s in self.sessions.values()
                if s.transaction is not None
            ]
        return rows_of(_TRANSACTIONS, rows)

    def _abort(self, number: int) -> bytes:
        for token, session in list(self.sessions.items()):
            if session.transaction == number:
                self._roll_back(token, session)
        return rows_of({f"SYSTEM$ABORT_TRANSACTION({number})": "text"}, [[f"Aborted transaction id: {number}"]])


def _refused(code: str, state: str, message: str) -> bytes:
    data = {"errorCode": code, "sqlState": state}
    return json.dumps({"data": data, "code": code, "message": message, "success": False}).encode()


def rows_of(columns: dict[str, str], rows: list[list[str]]) -> bytes:
    """The answer to a SELECT, as JSON."""
    sizes = {"fixed": (None, 38, 0), "text": (256, None, None), "timestamp_ltz": (None, 0, 9)}
    rowtype = [
        {"name": name, "type": kind, "nullable": True, "byteLength": None, "collation": None}
        | dict(zip(("length", "precision", "scale"), sizes[kind], strict=True))
        for name, kind in columns.items()
    ]
    data = {
        "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}], "rowtype": rowtype, "rowset": rows,
        "total": len(rows), "returned": len(rows), "queryId": "01b0-proxy", "queryResultFormat": "json",
        "statementTypeId": 4096, "finalDatabaseName": None, "finalSchemaName": None,
    }  # fmt: skip
    return json.dumps({"data": data, "code": None, "message": None, "success": True}).encode()
