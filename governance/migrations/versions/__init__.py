"""The state database's steps, `v<version>_<what>.py`. A released step is never changed: the next one changes it."""
