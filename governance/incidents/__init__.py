"""Incidents: what fails, told once. An episode opens with the first failure of a check or flow and ends with a pass.

`model.py` has the types, `signals.py` reads them from events, `episodes.py` says what becomes of an episode (pure),
`store.py` keeps them, `engine.py` is the transport that brings events to them, and `desk.py` what a person does.
"""
