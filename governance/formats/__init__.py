"""How a message looks, apart from what it says: each module renders a `Body` for one kind of reader.

A format is a module with `render(body)`. `body.py` has the parts that each of them knows, `clean.py` what is done to
every text first. To add one, write the module and give it to tests/unit/governance/test_formats.py.
"""
