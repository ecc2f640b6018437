"""PagerDuty and JSM Operations as strict servers on the loopback: what they refuse is refused here."""
