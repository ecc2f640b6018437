"""`hallmark discover` on folders and buckets that nobody declared: what it prints runs, and names no secret."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from tests.homes import stream
from tests.integration.discover_support import INPUTS, home_of, proposed, run


@pytest.mark.parametrize(
    ("target", "code", "cause"),
    [
        ("postgresql://nobody@127.0.0.1:1/shop", 4, "cannot be reached"),
        ("mysql://root:hidden@127.0.0.1/shop", 2, "mysql:// is not read"),
        ("postgresql://a:b@[::1/shop", 2, "not a valid PostgreSQL URL"),
        ("nowhere", 2, "does not exist"),
        ("empty", 1, "nothing was found"),
    ],
)
def test_what_cannot_be_looked_at_is_said(target: str, code: int, cause: str, tmp_path: Path) -> None:
    if target == "empty":
        (tmp_path / "empty").mkdir()
    if "://" not in target:
        target = str(tmp_path / target)
    done = home_of(tmp_path).hallmark("discover", target, "--json")
    assert done.code == code
    assert cause in done.json["error"]["cause"]
    assert "hidden" not in done.out + done.err
    assert not (tmp_path / "home").exists()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of many kinds of files, by people who have never heard of this program."""
    root = tmp_path / "My exports (new)"
    for name, text in {
        "prices.csv": "sku;price\nA;1,50\nB;2,50\n",
        "customers/a 2026-01.csv": "id,name,born\n1,Ann,31/01/1980\n2,Bob,02/03/1990\n",
        "customers/b.csv": "id,name,born\n3,Cem,15/05/1999\n",
        "day=2026-01-01/visits.ndjson": '{"id": 1, "page": "x"}\n{"id": 2, "page": "y"}\n',
        "day=2026-01-02/visits.ndjson": '{"id": 3, "page": "x"}\n',
        "invoices.xml": "<Invoices><Invoice n='1'><Total>1.5</Total></Invoice><Invoice n='2'/></Invoices>",
        "a[1].csv": "x\n1\n",
        "a1.csv": "y,z\n1,2\n",
        "strange ${HOME} *.csv": "q,w\n1,2\n",
        "null: yes\n.csv": "k,v\n1,2\n",
        "table.txt": "a|b\n1|2\n3|4\n",
        "mail/one.eml": "From: a@example.com\nSubject: hello\n\nbody\n",
        "mail/sub/two.eml": "From: b@example.com\nSubject: again\n\nbody\n",
        "core": "\x00\x01\x02",
        "fake.csv": "%PDF-1.4 no table",
        "ragged.csv": "a,b\n" + "1,2,3\n" * 120,
        ".git/config.csv": "a,b\n1,2\n",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "packed.csv.gz").write_bytes(gzip.compress(b"one,two\n1,2\n"))
    (root / "latin.csv").write_bytes("stadt,land\nKöln,Österreich\n".encode("cp1252"))
    for file in root.rglob("*"):  # they have rested: a run takes them at once
        os.utime(file, (1_700_000_000, 1_700_000_000))
    return root


@pytest.mark.usefixtures("prefect_server")
def test_a_folder_runs_as_it_is_printed(folder: Path, tmp_path: Path) -> None:
    file, sources, said = proposed(home_of(tmp_path), str(folder))
    files, documents = sources["my_exports_new"], sources["my_exports_new_documents"]
    assert (files["kind"], files["root"], documents["kind"]) == ("files", str(folder), "documents")
    assert files["streams"] == {
        "prices": {"path": "prices.csv", "delimiter": ";", "primary_key": ["sku"]},
        "customers": {"path": "customers/*.csv", "date_order": "dmy", "primary_key": ["id"]},
        "visits": {"path": "day=*/visits.ndjson", "primary_key": ["id"]},
        "invoices": {"path": "invoices.xml", "record": "/Invoices/Invoice"},
        "a_1": {"path": "a[1].csv"},
        "a1": {"path": "a1.csv"},
        "strange_home": {"path": "strange ?{HOME} *.csv"},
        "null_yes": {"path": "null: yes\n.csv"},
        "table": {"path": "table.txt", "format": "csv", "delimiter": "|"},
        "packed": {"path": "packed.csv.gz"},
        "latin": {"path": "latin.csv", "encoding": "cp1252"},
    }
    assert documents["streams"] == {"mail": {"path": "mail/**/*"}}
    assert "#   core: its format is not known" in said
    assert "#   fake.csv: it is a binary file" in said
    assert "#   ragged.csv: 120 of 120 rows would go to quarantine" in said
    summary = run(home_of(tmp_path), file)
    rows = {s["stream"]: s["published"] for s in summary["streams"] if "__" not in s["stream"]}
    assert rows == {
        "prices": 2, "customers": 3, "visits": 3, "invoices": 2, "a_1": 1, "a1": 1, "strange_home": 1, "null_yes": 1,
        "table": 2, "packed": 1, "latin": 1, "mail": 2,
    }  # fmt: skip


@pytest.mark.usefixtures("prefect_server")
def test_a_bucket_runs_as_it_is_printed(tmp_path: Path) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        variables = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_DEFAULT_REGION": "us-east-1",
        }  # fmt: skip
        s3 = boto3.client(
            "s3", endpoint_url=variables["AWS_ENDPOINT_URL"], aws_access_key_id="a", aws_secret_access_key="b",
            region_name="us-east-1",
        )  # fmt: skip
        s3.create_bucket(Bucket="exports")
        for number in (1, 2):
            body = f"id,name\n{number},x\n".encode()
            s3.put_object(Bucket="exports", Key=f"daily/orders/2026-01-0{number}.csv", Body=body)
        home = home_of(tmp_path, **variables)
        file, sources, _ = proposed(home, "s3://exports/daily/")
        assert sources == {
            "daily": {
                "kind": "files", "root": "s3://exports/daily", "owner": "data-platform",
                "streams": {"orders": {"path": "orders/*.csv", "primary_key": ["id"]}},
            }
        }  # fmt: skip
        text = file.read_text().replace("orders/*.csv", "orders/*.csv, settle: 0s")  # they were put just now
        file.write_text(text)
        assert stream(run(home, file), "daily.orders")["published"] == 2
        absent = home.hallmark("discover", "s3://nowhere/x", "--json")
        assert (absent.code, absent.json["error"]["cause"]) == (1, "bucket nowhere does not exist")
    finally:
        server.stop()


def test_json_is_the_same_file(folder: Path, tmp_path: Path) -> None:
    home = home_of(tmp_path)
    _, sources, _ = proposed(home, str(folder), "--name", "Exports!", "--owner", "finance")
    assert {name: spec["owner"] for name, spec in sources.items()} == {
        "exports": "finance", "exports_documents": "finance",
    }  # fmt: skip
    printed = home.hallmark("discover", str(folder), "--json", "--name", "Exports!", "--owner", "finance").json
    assert printed == {"sources": sources}
    refused = home.hallmark("discover", str(folder), "--owner", "finanse")
    assert (refused.code, refused.out) == (2, "")


def test_check_tells_what_each_stream_would_bring(folder: Path, tmp_path: Path) -> None:
    home = home_of(tmp_path)
    done = home.hallmark("discover", str(folder), "--check", "--json")
    assert done.code == 1, "of ragged.csv no row would be published"
    found = {row["stream"]: row for row in done.json}
    assert {name for name, row in found.items() if row["status"] == "failed"} == {"ragged"}
    assert (found["customers"]["rows"], found["customers"]["quarantined"]) == (3, 0)
    (folder / "ragged.csv").unlink()
    shown = home.hallmark("discover", str(folder), "--check")
    assert shown.code == 0
    assert "my_exports_new.customers" in shown.out


def test_preview_shows_first_rows_and_obeys_no_control_character(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "evil.csv").write_text("a,b\n\x1b[31mred,[bold]x[/]\n2,3\n4,5\n")
    shown = home_of(tmp_path).hallmark("discover", str(folder), "--preview", "2")
    assert shown.code == 0
    assert "\x1b" not in shown.out
    assert "\\x1b[31mred" in shown.out and "[bold]x[/]" in shown.out
    found = home_of(tmp_path).hallmark("discover", str(folder), "--preview", "2", "--json").json
    assert [(f["stream"], len(f["rows"])) for f in found] == [("evil", 2)]
    assert found[0]["rows"][1] == {"a": "2", "b": "3"}


@pytest.mark.skipif(not INPUTS.is_dir(), reason="../shared/inputs is not there")
@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("part", ["json", "dbt_seeds"])
def test_the_inputs_run_as_they_are_printed(part: str, tmp_path: Path) -> None:
    home = home_of(tmp_path)
    file, sources, _ = proposed(home, str(INPUTS / part))
    summary = run(home, file)
    streams = {f"{s}.{t}" for s, spec in sources.items() for t in spec["streams"]}
    ran = {f"{s['source']}.{s['stream']}": s["status"] for s in summary["streams"]}
    assert {name: ran[name] for name in streams} == dict.fromkeys(streams, "published")
