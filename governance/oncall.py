"""oncall.yml and what the platform owns, as types: whose a dataset is, and how that team hears of it.

Reading and resolving only; who hears of which event is decided in `routing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, time
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from governance import strict_yaml
from governance.errors import ConfigurationError
from governance.hours import LONGEST, Hours, Window
from governance.model import Dataset, Frozen, Severity

NAMES = {"pagerduty": "PagerDuty", "jsm": "Jira Service Management"}
BLOCK = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SECRET = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A key of PagerDuty, and one of Jira Service Management."""
ONCALL = Path(__file__).parent / "oncall.yml"


class Escalation(Frozen):
    """Whom an incident is brought to that nobody acknowledged."""

    minutes: int = Field(default=30, ge=1)
    to: str
    """A team; its own again is a second page."""


class Team(Frozen):
    """A team and its channels."""

    name: str
    description: str = ""
    slack: str = Field(pattern=r"^#[\w-]{1,80}$")
    """Channel, with its #."""
    handle: str = ""
    """Whom to call in it: `@name`, or Slack's `<!subteam^S…>` of a user group."""
    pager: Literal["pagerduty", "jsm"] = "pagerduty"
    key: str | None = None
    """Secret block of Prefect that holds the pager's key; None: HALLMARK_PAGERDUTY_KEY or _JSM_KEY."""

    @field_validator("key")
    @classmethod
    def _block(cls, value: str | None) -> str | None:
        # What is refused is not repeated: it may be a secret.
        if value is not None and (not BLOCK.fullmatch(value) or SECRET.fullmatch(value)):
            raise ValueError("not a name of a Prefect block (lower case, digits, dashes); never the key itself")
        return value

    notify: tuple[Severity, ...] = ("warning", "critical")
    page: tuple[Severity, ...] = ("critical",)
    page_in_hours: tuple[Severity, ...] = ()
    """Severities that page within the team's hours: what comes outside of them waits for their beginning."""
    hours: Hours = Hours(days=("mon", "tue", "wed", "thu", "fri"), since=time(9), until=time(17))
    escalate: Escalation | None = None

    @property
    def route(self) -> str:
        """How it hears, in words."""
        said = f"On Slack: {self.slack}."
        if self.page or self.page_in_hours:
            in_hours = f", {', '.join(self.page_in_hours)} in its hours" if self.page_in_hours else ""
            said += f" Called by {NAMES[self.pager]}: {', '.join(self.page) or 'nothing at all times'}{in_hours}."
        if self.escalate:
            said += f" After {self.escalate.minutes} minutes without an acknowledgement: {self.escalate.to}."
        return said


class Quiet(Hours):
    """Hours in which what is less severe waits for their end."""

    name: str
    severities: tuple[Severity, ...] = ("warning",)
    teams: tuple[str, ...] = ()
    """Whose; empty: all."""


class Ownership(Frozen):
    """Teams, and who owns what. `team_of` answers for every name, known or not."""

    default: str
    teams: dict[str, Team]
    owners: dict[str, str] = Field(default_factory=dict)
    """column, dataset or schema name → team."""
    domains: dict[str, str] = Field(default_factory=dict)
    """dataset → domain; a domain named as a team is that team's."""
    quiet: tuple[Quiet, ...] = ()
    maintenance: tuple[Window, ...] = ()

    @model_validator(mode="after")
    def _total(self) -> Ownership:
        if self.default not in self.teams:
            raise ValueError(f"default {self.default!r} is no team; the teams are {', '.join(self.teams)}")
        named = [(f"teams.{t.name}.escalate.to", t.escalate.to) for t in self.teams.values() if t.escalate]
        named += [(f"quiet.{q.name}.teams", team) for q in self.quiet for team in q.teams]
        if unknown := [f"{where}: {team}" for where, team in named if team not in self.teams]:
            raise ValueError(f"{', '.join(unknown)} is no team; the teams are {', '.join(self.teams)}")
        return self

    def of_datasets(self, datasets: Iterable[Dataset]) -> Ownership:
        """The same, knowing the owners and domains of these datasets."""
        known = list(datasets)
        owners = {**self.owners, **{d.name: d.owner for d in known if d.owner}}
        domains = {**self.domains, **{d.name: d.domain for d in known if d.domain}}
        return self.model_copy(update={"owners": owners, "domains": domains})

    def team_of(self, name: str, owner: str | None = None) -> Team:
        """Exactly one team: an owner that is given, else by column → dataset → schema → domain → default.

        A name that oncall.yml does not know as a team is passed over, so that the answer can be notified.
        """
        dataset = ".".join(name.split(".")[:2])
        schema = name.partition(".")[0]
        candidates = (owner, self.owners.get(name), self.owners.get(dataset), self.owners.get(schema),
                      self.domains.get(dataset), self.default)  # fmt: skip
        return next(self.teams[c] for c in candidates if c in self.teams)

    def window(self, dataset: str, at: datetime) -> Window | None:
        """The maintenance that a dataset or flow is in."""
        within = (w for w in self.maintenance if w.begin <= at < w.end)
        return next((w for w in within if any(fnmatchcase(dataset, p) for p in w.datasets)), None)

    def quiet_until(self, team: str, severity: Severity, at: datetime) -> datetime | None:
        """When the team's quiet hours end, of a moment within them; None: it may be told at once."""
        mine = [q for q in self.quiet if severity in q.severities and (not q.teams or team in q.teams)]
        until, limit = None, at + LONGEST
        # The end of one may lie within another: a weekend ends in the night.
        while at < limit and (within := [q for q in mine if q.contain(at)]):
            until = at = max(q.end_after(at) for q in within)
        return until

    @cached_property
    def unknown(self) -> tuple[tuple[str, str], ...]:
        """(name, owner) of each owner that is no team."""
        return tuple((n, o) for n, o in sorted(self.owners.items()) if o not in self.teams)


def load_ownership(path: Path = ONCALL, datasets: Iterable[Dataset] = ()) -> Ownership:
    """The teams of a file, and whose the datasets are.

    Raises ConfigurationError for a file that is missing, not YAML, or not of this form.
    """
    try:
        body = strict_yaml.load(path.read_text(encoding="utf-8"))
        if not isinstance(body, dict) or not isinstance(body.get("teams"), dict):
            raise ConfigurationError(path.name, "not of the form {default, teams}", "see governance/oncall.yml")
        teams = {
            name: {**team, "name": name} if isinstance(team, dict) else team for name, team in body["teams"].items()
        }
        ownership = Ownership.model_validate({**body, "teams": teams})
    except FileNotFoundError:
        raise ConfigurationError(f"{path.name}", "it does not exist", "give the path of an oncall.yml") from None
    except ValidationError as error:
        raise ConfigurationError.of_validation(path.name, error, "see governance/oncall.yml") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(path.name, strict_yaml.reason(error), "correct it") from None
    return ownership.of_datasets(datasets)
