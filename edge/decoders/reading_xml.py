"""Reading XML payloads safely by the standard library: no entity can be declared, so none can be expanded."""

from __future__ import annotations

from collections.abc import Collection
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from edge.decoders.payload import PayloadRefusedError

_DEEPEST = 16
_LARGEST_BYTES = 1024 * 1024


def xml_root(payload: bytes, attributes: Collection[str] = ()) -> Element:
    """Return a document's root, with names without namespaces, and no attributes but these; else a refusal ``not_xml``.

    A document type declaration is refused where it begins, so that no entity can be declared, let alone expanded.
    """
    if len(payload) > _LARGEST_BYTES:
        raise PayloadRefusedError("not_xml", f"the document is larger than {_LARGEST_BYTES} bytes")
    builder = TreeBuilder()
    depth = 0

    def start(name: str, found: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise PayloadRefusedError("not_xml", f"elements are nested deeper than {_DEEPEST}")
        builder.start(name.rpartition(" ")[2], {key: found[key] for key in found if key in attributes})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name.rpartition(" ")[2])

    def doctype(*_declaration: object) -> None:
        raise PayloadRefusedError("doctype", "a document type declaration is never read")

    parser = expat.ParserCreate("utf-8", " ")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(payload, True)
    except expat.ExpatError:
        raise PayloadRefusedError("not_xml", "the payload is not a well-formed XML document in UTF-8") from None
    return builder.close()
