"""What real runs write of what they publish: a profile of each dataset, in the ledger and in the event."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.homes import Home


def test_bronze_tells_of_the_rows_of_the_batch(tmp_path: Path, prefect_server: str) -> None:
    streams = {"orders": {"path": "orders/*.csv", "settle": "0s"}, "items": {"path": "*.ndjson", "settle": "0s"}}
    source = {"kind": "files", "root": str(tmp_path / "shop"), "owner": "growth", "streams": streams}
    (tmp_path / "sources.yml").write_text(yaml.safe_dump({"sources": {"shop": source}}))
    home = Home(tmp_path / "home", tmp_path / "sources.yml")
    (tmp_path / "shop" / "orders").mkdir(parents=True)

    def ingest(**files: str) -> dict[str, int]:
        """The rows that the profiles of bronze are of."""
        from flows.ingest import ingest as flow

        for name, text in files.items():
            (tmp_path / "shop" / name.replace("__", "/").replace("_", ".")).write_text(text)
        with home.environment():
            flow(source="shop", sources=str(home.sources), return_state=True)
        return dict(home.rows('SELECT dataset, max("rows") FROM ops.profiles GROUP BY 1'))

    first = ingest(orders__a_csv="id,name\n1,a\n2,\n3\n", i_ndjson='{"id": 1, "lines": [{"n": 1}, {"n": 2}]}\n')
    assert first == {"bronze.shop__orders": 2, "bronze.shop__items": 1}
    sql = 'SELECT "column", nulls, "distinct" FROM ops.profiles WHERE dataset = \'bronze.shop__orders\' ORDER BY 1'
    assert home.rows(sql) == [("id", 0, 2), ("name", 1, 1)], "of the columns of the source"
    assert ingest() == first
    assert ingest(orders__b_csv="id,name\n4,d\n") == {**first, "bronze.shop__orders": 1}


def test_every_dataset_of_a_batch_has_its_profile(first: Home) -> None:
    """Of the sample: in the ledger, in the event, and of the rows that were published."""
    told = {e["subject"]: e["data"] for e in first.events() if e["type"] == "hallmark.dataset.published.v1"}
    rows = 'SELECT dataset, max("rows"), count(*) FROM ops.profiles GROUP BY ALL'
    profiled = {dataset: (count, number) for dataset, count, number in first.rows(rows)}
    told = {name: data for name, data in told.items() if not name.startswith("exposure.")}
    assert set(told) == set(profiled)
    assert {name: (d["profile"]["rows"], len(d["profile"]["columns"])) for name, d in told.items()} == profiled
    for name in ("silver.slv_projects", "gold.dim_customer", "bronze.crm__people"):
        assert profiled[name][0] == first.value(f"SELECT count(*) FROM {name}"), name
    [people] = first.rows(
        "SELECT nulls, \"distinct\", mean, quantiles FROM ops.profiles WHERE dataset = 'bronze.crm__people' "
        "AND \"column\" = 'email'"
    )
    assert people[1] > 0 and people[2:] == (None, None)
    assert max(len(json.dumps(d)) for d in told.values()) < 50_000
    texts = json.dumps([d["profile"] for d in told.values()])
    for (mail,) in first.rows("SELECT email FROM bronze.crm__people WHERE email IS NOT NULL LIMIT 20"):
        assert mail not in texts
