"""What a connector's lines are taken for: records, a broken message, words for the log."""

import json
import logging
import sys
from pathlib import Path

import pytest

from blocks.connectors import Connector
from governance.errors import SourceError

RECORD = '{"type":"RECORD","record":{"stream":"people","data":{"mail":"ann@example.com"},"emitted_at":1}}'
STATE = json.dumps({"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": "people"}}}})
PROGRAM = """
import json, sys
lines = {
    "spec": [json.dumps({"type": "SPEC", "spec": {"connectionSpecification": {"properties": {}}}})],
    "discover": [json.dumps({"type": "CATALOG", "catalog": {"streams": [{"name": NAME}]}})],
    "read": LINES,
}
sys.stdout.write("\\n".join(lines[sys.argv[1]]) + "\\n")
"""


def _connector(root: Path, *lines: str, source: str = "crm", pin: str = "") -> Connector:
    """One that says these lines when it reads; its only stream is named by its source."""
    folder = root / "airbyte-source-said-1.0"
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    if not (folder / "bin" / "python").exists():
        (folder / "bin" / "python").symlink_to(sys.executable)
    program = PROGRAM.replace("LINES", repr(list(lines))).replace("NAME", repr(source))
    (folder / "bin" / "said").write_text(program)
    ready = {"name": "airbyte-source-said", "version": "1.0", "pins": [], "program": "said"}
    (folder / "connector.json").write_text(json.dumps(ready))
    config = {"account_password": pin} if pin else {}
    return Connector(source, "airbyte-source-said==1.0", config, root)


@pytest.mark.parametrize(
    "line",
    [
        RECORD[:-2], RECORD[:70], " " + RECORD[:70], STATE[:-9], '{"type":"RECORD","record":null}',
        '{"type":"STATE"}', '{"mail":"ann@example.com"}', '{"type":["RECORD"],"mail":"ann@example.com"}',
    ],
)  # fmt: skip
def test_a_message_that_is_none_fails_the_read_and_is_told_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, line: str
) -> None:
    caplog.set_level(logging.DEBUG)
    connector = _connector(tmp_path, RECORD, line, STATE)
    with pytest.raises(SourceError, match=f"a line of {len(line) + 1} bytes") as caught:
        connector.read({"stream": {"name": "people"}}, None, lambda _: None)
    assert "ann@example.com" not in caplog.text + str(caught.value)
    assert line not in caplog.text


def test_what_is_no_message_at_all_is_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    lines: list[bytes] = []
    spoiled = '{"type":"LOG","l****g":{"message":"ann@example.com"}}'
    connector = _connector(tmp_path, "starting up", spoiled, RECORD, f" {RECORD} ", STATE)
    result = connector.read({"stream": {"name": "people"}}, None, lines.append)
    assert [line.strip().decode() for line in lines] == [RECORD, RECORD]
    assert (result.rows, result.state is not None) == (2, True)
    assert "starting up" in caplog.text
    assert "ann@example.com" not in caplog.text


def test_two_accounts_that_differ_in_a_secret_have_lists_of_their_own(tmp_path: Path) -> None:
    for source, pin in (("north", "north-pass"), ("south", "south-pass")):
        assert _connector(tmp_path, source=source, pin=pin).discover() == [{"name": source}]
