"""Styles and pages of the ODT face, as XML (OASIS OpenDocument 1.3, part 3, section 16)."""

from xml.sax.saxutils import escape

NAMES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
    "fo": "urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0",
    "svg": "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0",
    "xlink": "http://www.w3.org/1999/xlink",
    "meta": "urn:oasis:names:tc:opendocument:xmlns:meta:1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
    "manifest": "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0",
}

SPACES = " ".join(f'xmlns:{name}="{uri}"' for name, uri in NAMES.items())


def _style(name: str, text: str = "", paragraph: str = "", more: str = "") -> str:
    return (
        f'<style:style style:name="{name}" style:family="paragraph"{more}>'
        f'<style:paragraph-properties fo:margin-top="0cm" fo:margin-bottom="0.18cm" {paragraph}/>'
        f'<style:text-properties style:font-name="Arial" fo:font-family="Arial" {text}/>'
        "</style:style>"
    )


_SPACE = 'fo:padding-top="0.5cm" fo:keep-with-next="always"'

AUTOMATIC = (
    "<office:automatic-styles>"
    + _style("H1", 'fo:font-size="20pt" fo:font-weight="bold"', 'fo:keep-with-next="always"')
    + "".join(
        _style(name, 'fo:font-size="15pt" fo:font-weight="bold"', _SPACE, master)
        for name, master in (
            ("H2", ""),
            ("H2Turned", ' style:master-page-name="Landscape"'),
            ("H2Back", ' style:master-page-name="Standard"'),
        )
    )
    + _style("H3", 'fo:font-size="12pt" fo:font-weight="bold"', _SPACE)
    + _style("Plain", 'fo:font-size="10.5pt"')
    + _style("Lead", 'fo:font-size="11pt"')
    + _style("Finding", 'fo:font-size="10.5pt" fo:font-weight="bold"')
    + _style("Quiet", 'fo:font-size="10.5pt" fo:color="#505a5f"')
    + _style("Missing", 'fo:font-size="10.5pt" fo:color="#505a5f"')
    + _style("Warning", 'fo:font-size="10.5pt" fo:color="#942514"')
    + _style("Asked", 'fo:font-size="10.5pt" fo:font-weight="bold"', 'fo:keep-with-next="always"')
    + _style("By", 'fo:font-size="9pt" fo:font-style="italic"', 'fo:keep-with-next="always"')
    + _style("Note", 'fo:font-size="8.5pt" fo:color="#505a5f"')
    + _style("Text", 'fo:font-size="8.5pt"')
    + _style("TextBold", 'fo:font-size="8.5pt" fo:font-weight="bold"')
    + _style("Tiny", 'fo:font-size="7pt"')
    + _style("TinyBold", 'fo:font-size="7pt" fo:font-weight="bold"')
    + "".join(
        f'<style:style style:name="C{share}" style:family="table-column">'
        f'<style:table-column-properties style:rel-column-width="{share}*"/></style:style>'
        for share in range(1, 101)
    )
    + '<style:style style:name="Frame" style:family="section"><style:section-properties '
    'fo:background-color="#f3f2f1"/></style:style>'
    '<style:style style:name="Grid" style:family="table"><style:table-properties '
    'style:rel-width="100%" table:align="margins"/></style:style>'
    '<style:style style:name="Row" style:family="table-row"><style:table-row-properties '
    'fo:keep-together="always"/></style:style>'
    '<style:style style:name="Cell" style:family="table-cell"><style:table-cell-properties '
    'fo:border="0.5pt solid #b1b4b6" fo:padding="0.08cm"/></style:style>'
    '<style:style style:name="Head" style:family="table-cell"><style:table-cell-properties '
    'fo:border="0.5pt solid #b1b4b6" fo:padding="0.08cm" fo:background-color="#e7e9ea"/>'
    "</style:style>"
    '<text:list-style style:name="Bullets"><text:list-level-style-bullet text:level="1" '
    'text:bullet-char="•"><style:list-level-properties text:space-before="0.3cm" '
    'text:min-label-width="0.4cm"/></text:list-level-style-bullet></text:list-style>'
    "</office:automatic-styles>"
)


def styles(marking: str) -> str:
    """Two kinds of page, upright and turned, with the marking above and below."""
    layouts, masters = [], []
    line = f'<text:p text:style-name="Marking">{escape(marking)}</text:p>'
    for name, layout, width, height in (
        ("Standard", "Upright", "21cm", "29.7cm"),
        ("Landscape", "Turned", "29.7cm", "21cm"),
    ):
        turn = "landscape" if layout == "Turned" else "portrait"
        layouts.append(
            f'<style:page-layout style:name="{layout}"><style:page-layout-properties '
            f'fo:page-width="{width}" fo:page-height="{height}" style:print-orientation="{turn}" '
            'fo:margin="1.8cm"/><style:header-style/><style:footer-style/></style:page-layout>'
        )
        masters.append(
            f'<style:master-page style:name="{name}" style:page-layout-name="{layout}">'
            f"<style:header>{line}</style:header><style:footer>{line}</style:footer>"
            "</style:master-page>"
        )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-styles {SPACES} '
        'office:version="1.3"><office:styles>'
        + _style("Marking", 'fo:font-size="9pt" fo:font-weight="bold"', 'fo:text-align="center"')
        + f"</office:styles><office:automatic-styles>{''.join(layouts)}</office:automatic-styles>"
        f"<office:master-styles>{''.join(masters)}</office:master-styles></office:document-styles>"
    )
