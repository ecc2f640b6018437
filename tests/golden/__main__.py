"""`python -m tests.golden`: write the golden files again."""

from tests.golden import write

write()
