"""What the execution engines of a gate have in common: no question is put to the warehouse twice.

Imports Great Expectations: import this module inside a function.
"""

from __future__ import annotations

from typing import Any

from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from sqlalchemy.engine import FrozenResult
from sqlalchemy.exc import SQLAlchemyError


class GateExecutionEngine(SqlAlchemyExecutionEngine):
    """Remembers answers and errors by the text of the query, for the time of one gate.

    When a check cannot run, GX forgets what it had found beside it and asks for all of it again, three times per
    such check.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known: dict[str, FrozenResult[Any] | SQLAlchemyError] = {}

    def execute_query(self, query: Any) -> Any:
        """The answer, from the warehouse the first time."""
        text = str(query.compile(dialect=self.engine.dialect, compile_kwargs={"literal_binds": True}))
        if text not in self.known:
            try:
                self.known[text] = super().execute_query(query).freeze()
            except SQLAlchemyError as error:
                self.known[text] = error
        answer = self.known[text]
        if isinstance(answer, SQLAlchemyError):
            raise answer
        return answer()
