"""YAML as the project's files are written: no key twice, and a time of the day is text. No I/O."""

from __future__ import annotations

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Of a key given twice the second would win without a word; YAML 1.1 reads 20:00 as 1,200."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping; raises ConstructorError, a YAMLError, for a key that is there twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value} is given twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)

    def number_or_text(self, node: yaml.ScalarNode) -> int | str:
        """A number; what has a colon is text."""
        return str(node.value) if ":" in node.value else self.construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.number_or_text)


def load(text: str) -> Any:
    """What a document holds. Raises YAMLError."""
    return yaml.load(text, _Loader)  # noqa: S506 - it is a SafeLoader


def reason(error: yaml.YAMLError) -> str:
    """Why it is refused, and where, in one line without its text, which may hold a password."""
    mark = getattr(error, "problem_mark", None)
    where = f" at line {mark.line + 1}" if mark else ""
    return f"not YAML: {getattr(error, 'problem', None) or 'it cannot be read'}{where}"
