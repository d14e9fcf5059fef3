"""Reading a PDF as its reader does."""

import pypdfium2 as pdfium


def pages(content: bytes) -> list[str]:
    """What stands on each page, without blanks and places where lines may break."""
    document = pdfium.PdfDocument(content)
    return ["".join(page.get_textpage().get_text_range().replace("\u200b", "").split()) for page in document]


def size(content: bytes) -> tuple[int, int]:
    """Of the first page, in millimetres."""
    width, height = pdfium.PdfDocument(content)[0].get_size()
    return round(width / 72 * 25.4), round(height / 72 * 25.4)
