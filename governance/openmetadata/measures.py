"""The bodies of what is told of an entity at a time, in milliseconds: profiles, runs, results."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from governance.openmetadata.bodies import Body, Json


def millis(at: datetime) -> int:
    """A time as the server has it."""
    return round(at.timestamp() * 1000)


class TableProfile(Body):
    """Counts of a table at a time, in milliseconds."""

    timestamp: int
    row_count: int
    column_count: int


class ColumnProfile(Body):
    """What a column holds, in numbers."""

    name: str
    timestamp: int
    values_count: int
    null_count: int
    null_proportion: float | None = None
    distinct_count: int | None = None
    distinct_proportion: float | None = None
    mean: float | None = None
    min: float | str | None = None
    max: float | str | None = None
    first_quartile: float | None = None
    median: float | None = None
    third_quartile: float | None = None


class Profile(Body):
    """A table's profile with its columns'."""

    table_profile: TableProfile
    column_profile: tuple[ColumnProfile, ...] = ()


class TaskStatus(Body):
    """How a task of a run ended, or stands."""

    name: str
    execution_status: str
    start_time: int | None = None
    end_time: int | None = None
    log_link: str | None = None


class RunError(Body):
    """Why a run failed."""

    error_message: str
    failed_task: str | None = None


class PipelineStatus(Body):
    """A run; its key is (pipeline, timestamp), in milliseconds."""

    timestamp: int
    execution_status: str
    task_status: tuple[TaskStatus, ...]
    execution_id: str
    end_time: int | None = None
    parameters: Json | None = None
    error: RunError | None = None


class Value(Body):
    """A number or text of a result."""

    name: str
    value: str


class TestResult(Body):
    """What a check found; its key is (case, timestamp), in milliseconds."""

    __test__ = False
    timestamp: int
    test_case_status: Literal["Success", "Failed", "Aborted", "Queued"]
    result: str
    test_result_value: tuple[Value, ...] = ()
    passed_rows: int | None = None
    failed_rows: int | None = None
    passed_rows_percentage: float | None = None
    failed_rows_percentage: float | None = None


class ContractResult(Body):
    """How a contract was kept; its key is the id."""

    id: str
    data_contract_fqn: str = Field(alias="dataContractFQN")
    timestamp: int
    contract_execution_status: str
    result: str
    schema_validation: Json
    semantics_validation: Json
    quality_validation: Json
    sla_validation: Json | None = None


class IncidentState(Body):
    """A state that a case's incident is brought into."""

    test_case_reference: str
    """The case's fully qualified name."""
    test_case_resolution_status_type: Literal["New", "Ack", "Assigned", "Resolved"]
    severity: str | None = None
    test_case_resolution_status_details: Json | None = None
