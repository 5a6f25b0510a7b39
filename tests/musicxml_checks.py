"""Is a file valid MusicXML 4.0, and what does it hold? Helpers for tests.

The schema is the one that the package ``musicxml`` carries. It imports two others by address;
nothing here goes to the network, so their few attributes that MusicXML uses are given below.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from lxml import etree

_XML = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
  targetNamespace="http://www.w3.org/XML/1998/namespace">
  <xs:attribute name="lang" type="xs:language"/>
  <xs:attribute name="space" type="xs:NCName"/>
</xs:schema>"""

_XLINK = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
  targetNamespace="http://www.w3.org/1999/xlink">
  <xs:attribute name="href" type="xs:anyURI"/>
  <xs:attribute name="type" type="xs:string"/>
  <xs:attribute name="role" type="xs:string"/>
  <xs:attribute name="title" type="xs:string"/>
  <xs:attribute name="show" type="xs:string"/>
  <xs:attribute name="actuate" type="xs:string"/>
</xs:schema>"""


class _Local(etree.Resolver):
    def resolve(self, system_url, public_id, context):
        if system_url.endswith("/xml.xsd"):
            return self.resolve_string(_XML, context)
        if system_url.endswith("/xlink.xsd"):
            return self.resolve_string(_XLINK, context)
        return None


@cache
def _schema() -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Local())
    text = files("musicxml").joinpath("generate_classes/musicxml_4_0.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(text, parser))


def read_musicxml(source: Path | bytes) -> etree._Element:
    """The root of a MusicXML document, without its document type."""
    text = source if isinstance(source, bytes) else Path(source).read_bytes()
    return etree.fromstring(text, etree.XMLParser(no_network=True, load_dtd=False))


def schema_errors(source: Path | bytes) -> list[str]:
    """What the MusicXML 4.0 schema objects to, with line numbers; empty if the file is valid."""
    schema = _schema()
    schema.validate(read_musicxml(source))
    return [f"line {error.line}: {error.message}" for error in schema.error_log]
