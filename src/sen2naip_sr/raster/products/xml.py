"""XML of metadata, which may come from anybody.

The standard library's parser expands entities, and libraries on top of it load external ones. A
document type declaration is needed for both, and no product has one: it is refused, whatever the
file's encoding.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from sen2naip_sr.raster.products.product import product_fault

DEEPEST = 100


def parse_xml(content: bytes, name: str) -> Element:
    """Return the root of a document, with names of elements and attributes without their prefixes.

    Raises:
        UserError: If it is not well-formed, declares a document type or is nested too deeply.
    """
    builder, parser = TreeBuilder(), expat.ParserCreate()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise ValueError(f"elements are nested more than {DEEPEST} deep")
        builder.start(_plain(tag), {_plain(key): value for key, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_plain(tag))

    def refuse(*_: object) -> None:
        raise ValueError("it declares a document type, which may hold entities")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)
        return builder.close()
    except (expat.ExpatError, ValueError, AssertionError, LookupError) as error:
        raise product_fault(
            name, f"its XML is refused: {error}", "download it from where it was published"
        ) from error


def text_of(root: Element, *tags: str) -> str:
    """Return the text of the first element with one of the names; "" if there is none."""
    for tag in tags:
        for element in root.iter(tag):
            if element.text and element.text.strip():
                return element.text.strip()
    return ""


def number_of(root: Element, *tags: str) -> float | None:
    """Return the number in the first element with one of the names; None if there is none."""
    return as_number(text_of(root, *tags))


def as_number(text: str | None) -> float | None:
    """Return the finite number that a text holds; None if it holds none."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def all_of(root: Element, tag: str) -> Iterator[Element]:
    """Yield all elements with a name."""
    return root.iter(tag)


def _plain(name: str) -> str:
    return name.rpartition(":")[2]
