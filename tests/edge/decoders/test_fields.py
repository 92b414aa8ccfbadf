"""The fields that a decoder declares are those that it reads: no more, so that nothing else is kept, and no fewer."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar
from xml.etree.ElementTree import Element, TreeBuilder

import pytest
from edge_tools.decoder_cases import Case, cases_of

from edge.decoders import keeping, reading_json, reading_xml
from edge.decoders.decoder import DecoderOptions
from edge.decoders.payload import PayloadRefusedError
from edge.decoders.registry import DECODERS
from edge.wire.decode import loosely


class _Watched(dict[str, Any]):
    """An object of a payload that notes which of its members are asked for, there or not."""

    def __init__(self, members: dict[str, Any], looked_up: set[str], name: str = "") -> None:
        super().__init__({key: _watched(value, looked_up, key) for key, value in members.items()})
        self._looked_up, self._name = looked_up, name

    def _note(self, name: str) -> None:
        # Who goes over all members and looks into one has read that member.
        self._looked_up.update({name, self._name} - {""})

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._note(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._note(name)
        return super().get(name, default)

    def copy(self) -> _Watched:
        return _Watched(dict(self), self._looked_up, self._name)


def _watched(value: Any, looked_up: set[str], name: str = "") -> Any:
    if isinstance(value, dict):
        return _Watched(value, looked_up, name)
    return [_watched(entry, looked_up, name) for entry in value] if isinstance(value, list) else value


class _WatchedElement(Element):
    """An element that notes which children are asked for."""

    looked_up: ClassVar[set[str]]

    def find(self, path: str, namespaces: Any = None) -> Any:
        self.looked_up.update({self.tag, *path.split("/")})
        return super().find(path, namespaces)

    def findtext(self, path: str, default: Any = None, namespaces: Any = None) -> Any:
        self.looked_up.update({self.tag, *path.split("/")})
        return super().findtext(path, default, namespaces)

    def iterfind(self, path: str, namespaces: Any = None) -> Any:
        self.looked_up.update({self.tag, *path.split("/")})
        return super().iterfind(path, namespaces)


@contextmanager
def _watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    looked_up: set[str] = set()

    class _Json:
        @staticmethod
        def loads(payload: bytes) -> Any:
            return _watched(json.loads(payload), looked_up)

    def attributes_noted(payload: bytes, attributes: Any = ()) -> Any:
        looked_up.update(attributes)
        return xml_root(payload, attributes)

    xml_root = reading_xml.xml_root
    with monkeypatch.context() as patched:
        patched.setattr(keeping, "reduced", lambda *_: "")  # it looks at every field
        patched.setattr(reading_json, "json", _Json)
        patched.setattr(_WatchedElement, "looked_up", looked_up, raising=False)
        patched.setattr(reading_xml, "TreeBuilder", functools.partial(TreeBuilder, element_factory=_WatchedElement))
        patched.setattr("edge.decoders.xibo.xml_root", attributes_noted)
        yield looked_up


def _declared(case: Case) -> frozenset[str]:
    options: DecoderOptions = case.decoder.options.model_validate(case.options)
    return case.decoder.fields | options.further_fields()


def _changed(node: Any, names: set[str]) -> Iterator[Any]:
    """Yield a document with one member away, with a name put into one object, or in place of one text."""
    if isinstance(node, dict):
        yield from ({key: node[key] for key in node if key != away} for away in node)
        values: tuple[Any, ...] = (1, {}, [{}])
        yield from ({**node, name: value} for name in names for value in values)
        yield from ({**node, key: left} for key, value in node.items() for left in _changed(value, names))
    elif isinstance(node, list):
        yield from ([*node[:i], left, *node[i + 1 :]] for i in range(len(node)) for left in _changed(node[i], names))
    elif isinstance(node, str):
        yield from names


def _read_of(case: Case, payload: bytes, looked_up: set[str]) -> set[str]:
    with suppress(PayloadRefusedError):
        case.decode(case.arrival(payload))
    return {re.sub(r"[:-][0-9A-Fa-f]{1,3}\Z", "", field) for field in looked_up}


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_what_is_declared_is_what_is_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = cases_of(name)
    declared = frozenset[str]().union(*(_declared(case) for case in cases))
    read: set[str] = set()
    with _watching(monkeypatch) as looked_up:
        for case in cases:
            read = _read_of(case, case.payload, looked_up)
        # What no case has is looked for around what they have.
        for case in cases:
            document = loosely(case.payload.decode("utf-8", "replace"))
            for changed in _changed(document, set(declared - read)) if declared - read else ():
                read = _read_of(case, json.dumps(changed).encode(), looked_up)
    assert read - declared == set(), "read, but not declared: the field is missing in refusals"
    assert declared - read == set(), "declared, but never read: take it away"
