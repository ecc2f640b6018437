"""What people do to incidents elsewhere, on its way back to ours.

`pagerduty.py` and `jsm.py` ask for it, `receiver.py` takes webhooks, whose signatures `signatures.py` checks;
`heard.py` has what all of them give. Who hears of it does the same to our incident (`IncidentDesk.heed`): twice is as
good as once.
"""
