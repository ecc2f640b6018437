"""A strict stand-in of Slack: its Web API and incoming webhooks, as far as messages go; it fails on demand."""
