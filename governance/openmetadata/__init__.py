"""What is known and what happened, as OpenMetadata 2.0 keeps it.

`names`, `column_types` and `bodies` say how a thing is written for the server; `places` what our places are called
there. `datasets`, `edges`, `quality` and `runs` each bring one kind of event into the catalog, by the client of
`governance/transports/openmetadata.py`; `reconcile` compares the whole of it.
"""
