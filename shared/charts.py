"""Charts as SVG, each a file that stands alone. Pure."""

import unicodedata
from collections.abc import Sequence
from html import escape

_BAR, _GAP, _LABELS, _BARS, _VALUES, _TOP = 18, 8, 220, 420, 90, 44
_TEXT_PIXELS = 12


def bar_chart(title: str, bars: Sequence[tuple[str, float, str]]) -> str:
    """Horizontal bars, the first on top: of each its label, its value (zero or more) and how the value is said."""
    longest = max((value for _, value, _ in bars), default=0) or 1
    width, height = _LABELS + _BARS + _VALUES, _TOP + max(len(bars), 1) * (_BAR + _GAP)
    drawn = []
    for place, (label, value, said) in enumerate(bars):
        y = _TOP + place * (_BAR + _GAP)
        length = _BARS * value / longest
        drawn.append(
            f'<text x="{_LABELS - 8}" y="{y + 13}" text-anchor="end">{escape(_cut(label))}</text>'
            f'<rect x="{_LABELS}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="2"/>'
            f'<text x="{_LABELS + length + 6:.1f}" y="{y + 13}">{escape(said)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        '<style>text{font:12px "Noto Sans CJK SC","Microsoft YaHei",sans-serif;fill:#222}'
        "rect{fill:#1f5a8f}.title{font-size:15px;font-weight:600}</style>"
        f'<rect x="0" y="0" width="{width}" height="{height}" style="fill:#fff"/>'
        f'<text class="title" x="12" y="26">{escape(title)}</text>{"".join(drawn)}</svg>\n'
    )


def _cut(text: str) -> str:
    """As much of a label as there is room for."""
    room, kept = (_LABELS - 16) / _TEXT_PIXELS, ""
    for sign in text:
        room -= 1.0 if unicodedata.east_asian_width(sign) in "WF" else 0.55
        if room < 1:
            return f"{kept}…"
        kept += sign
    return kept
