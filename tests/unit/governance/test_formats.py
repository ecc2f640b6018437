"""One contract for every format: all is shown, nothing is obeyed, nothing is endless."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from governance.formats import html, slack, slack_preview, text
from governance.formats.body import Body, Call, Code, Commands, Facts, Grid, Items, LinkRow, Paragraph
from governance.formats.links import safe
from tests.slack import rules

ATTACKS = (
    "<!channel>", "<!here|x>", "<@U0BOSS>", "<https://evil.example|Click>", "<script>alert(1)</script>",
    '"><img src=x onerror=1>', "a & b &lt;!channel&gt;", "\x1b[31mred\x1b]0;title\x07",
    "[red]rich[/red] [link=x]y[/link]",
    "*bold* _it_ ~no~ `code` ```pre", "line\nline\r\nline", "\u202egnp.exe", "\x00\x7f\ud800", ":tada: @here #general",
)  # fmt: skip


def body(data: str) -> Body:
    """The same text in every place that there is."""
    return Body(
        title=data, tone="critical",
        parts=(
            Facts(items=((data, data), ("empty", ""))), Paragraph(title=data, text=data), Call(whom=data, text=data),
            Items(title=data, items=(data, data), more=3), Code(title=data, text=data),
            Grid(title=data, columns=(data, "b"), rows=((data, None), (data, data))),
            LinkRow(links=((data, f"https://host.example/{data}"), (data, "javascript:alert(1)"))),
            Commands(title=data, items=((data, data),)),
        ),
    )  # fmt: skip


class FormatContract:
    """Subclass with `shown`, what a reader sees of a body, and `check`, which fails where data was obeyed."""

    limit = 0

    def shown(self, of: Body) -> str:
        raise NotImplementedError

    def check(self, of: Body) -> None:
        raise NotImplementedError

    @pytest.mark.parametrize("attack", ATTACKS)
    def test_what_comes_from_outside_is_shown_and_not_obeyed(self, attack: str) -> None:
        self.check(body(attack))
        if attack.isprintable() and "`" not in attack:
            assert self.shown(body(attack)).count(attack) >= 8
        shown = self.shown(body(attack))
        assert all(c.isprintable() or c == "\n" for c in shown)

    def test_each_part_says_all_that_it_has(self) -> None:
        texts = [f"word{n}" for n in range(12)]
        of = Body(
            title=texts[0],
            parts=(
                Facts(items=((texts[1], texts[2]),)), Paragraph(text=texts[3]),
                Items(title=texts[4], items=(texts[5],), more=1234),
                Code(title=texts[6], text=texts[7]), Grid(title=texts[8], columns=(texts[9],), rows=(("v",), (None,))),
                Commands(title="do", items=((texts[10], texts[11]),)),
                LinkRow(links=(("Runbook", "https://host.example/x"),)),
            ),
        )  # fmt: skip
        shown = self.shown(of)
        for said in (*texts, "1,234 more", "NULL", "Runbook"):
            assert said in shown

    def test_an_endless_text_is_cut(self) -> None:
        endless = body("&" * 100_000)
        self.check(endless)
        assert len(self.shown(endless)) < self.limit

    def test_nothing_to_say_is_a_message_too(self) -> None:
        self.check(Body(title=""))
        self.check(
            Body(
                title="a",
                parts=(
                    Facts(items=()),
                    Items(title="none", items=()),
                    LinkRow(links=()),
                    Grid(title="t", columns=(), rows=()),
                ),
            )
        )


class TestText(FormatContract):
    limit = 25_000

    def shown(self, of: Body) -> str:
        return text.render(of)

    def check(self, of: Body) -> None:
        shown = text.render(of)
        assert all(c.isprintable() or c == "\n" for c in shown)
        out = io.StringIO()
        Console(file=out, markup=False, highlight=False, emoji=False, width=10_000, soft_wrap=True).print(shown, end="")
        assert out.getvalue() == shown, "printed without markup, a console adds nothing"


class TestHtml(FormatContract):
    limit = 40_000

    def shown(self, of: Body) -> str:
        return _Page(html.render(of)).text

    def check(self, of: Body) -> None:
        _Page(html.render(of))


class TestSlack(FormatContract):
    limit = 40_000

    def shown(self, of: Body) -> str:
        return "\n".join(_unescaped(t) for t in slack.texts(slack.render(of)))

    def check(self, of: Body) -> None:
        message = slack.render(of)
        rules.check_message({"text": message.text, "blocks": list(message.blocks)})
        for said in (message.text, *slack.texts(message)):
            whom = [p.whom for p in of.parts if isinstance(p, Call)]
            assert all(f"<{found}>" in whom for found in rules.called(said)), said
            assert "evil.example" not in said or "<https://evil" not in said

    def test_only_an_id_calls_somebody(self) -> None:
        for whom in ("<@U0BOSS>", "<!subteam^S0DELIVERY>"):
            message = slack.render(Body(title="a", parts=(Call(whom=whom, text="owns this"),)))
            assert whom in message.text and rules.called(message.text)
        for whom in (
            "<!channel>",
            "<!here>",
            "<!everyone>",
            "@oncall",
            "<@U0BOSS> <!channel>",
            "<!subteam^S0|<!here>>",
        ):
            message = slack.render(Body(title="a", parts=(Call(whom=whom),)))
            assert not [w for t in (message.text, *slack.texts(message)) for w in rules.called(t)]

    def test_what_is_more_than_a_message_holds_is_said(self) -> None:
        message = slack.render(Body(title="a", parts=tuple(Paragraph(text=f"p{n}") for n in range(80))))
        assert len(message.blocks) == 50 and "more than a message" in str(message.blocks[-1])

    @pytest.mark.parametrize("length", [2989, 2990, 2999, 3000, 3001, 9000])
    @pytest.mark.parametrize("letter", ["a", "&", "<", "😀"])
    def test_a_cut_never_parts_what_was_escaped(self, length: int, letter: str) -> None:
        self.check(Body(title="t", parts=(Code(title="q", text=letter * length), Paragraph(text=letter * length))))


class TestPreview(TestHtml):
    """What `incident preview` makes of Block Kit."""

    def shown(self, of: Body) -> str:
        return _Page(slack_preview.thread(slack.render(of), [slack.render(of)])).text

    def check(self, of: Body) -> None:
        _Page(slack_preview.thread(slack.render(of)))


@given(data=st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_any_text_is_fine_in_every_format(data: str) -> None:
    for contract in (TestText(), TestHtml(), TestSlack(), TestPreview()):
        contract.check(body(data))


@pytest.mark.parametrize(
    ("address", "shown"),
    [("https://host/a b?q=1&r=<x>", "https://host/a%20b?q=1&r=%3Cx%3E"), ("javascript:alert(1)", None), ("", None),
     ("https://" + "user:secret@host/", None), ("//host", None), ("data:text/html,x", None),
     ("https://host/\"onclick=x", "https://host/%22onclick=x")],
)  # fmt: skip
def test_which_addresses_are_links(address: str, shown: str | None) -> None:
    assert safe(address) == shown


class _Page(HTMLParser):
    """The text of a piece of HTML; fails at any tag or attribute that data may have brought."""

    TAGS = frozenset("article h3 p strong dl div dt dd ul li pre table tr th td a span b small code br".split())

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in self.TAGS and {name for name, _ in attributes} <= {"class", "href"}, (tag, attributes)
        assert all((value or "").startswith("http") for name, value in attributes if name == "href")
        self.text += "\n" if tag in ("p", "div", "br", "li", "tr") else " "

    def handle_data(self, data: str) -> None:
        self.text += data


def _unescaped(said: str) -> str:
    return said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_slack_shows_whole_links_and_no_part_of_one() -> None:
    long = [f"https://host.example/{c * 1700}" for c in "ab"]
    amps = [f"https://host.example/?{'&a' * n}" for n in (700, 300)]
    links = [("one", long[0]), ("two", long[1]), ("amps", amps[0]), ("few", amps[1])]
    blocks = slack.render(Body(title="", tone="critical", parts=(LinkRow(links=tuple(links)),))).blocks
    rules.check_blocks(list(blocks))
    shown = " ".join(e["text"] for b in blocks for e in b["elements"])
    assert shown.count("<http") == 3 and "…" not in shown
    assert all(url.replace("&", "&amp;") + "|" in shown for url in (*long, amps[1]))


def test_slack_calls_nobody_by_an_endless_id() -> None:
    rules.check_blocks(
        list(slack.render(Body(title="", tone="critical", parts=(Call(whom=f"<@U{'A' * 4000}>", text=""),))).blocks)
    )
