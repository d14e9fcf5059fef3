"""A process definition as a picture: SVG with a lane for each department, or Mermaid text. Pure text, no I/O."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from messages.batch import Department
from shared.processes import RECORD, REPEAT, RETURN, Definition, Stage, Step
from shared.states import State
from shared.words import Language, word

_LANE, _BOX, _BOX_HEIGHT = 240, 210, 88
_RAIL = 150
_MARGIN = 28
_TOP = 168
_CONDITION_LINE = 15
_CONDITION_CHARACTERS = 34

# A department's colour, the same in every picture: accents that stand on white as well as on black.
_ACCENTS = dict(zip(Department, ("#3b82f6", "#10b981", "#8b5cf6", "#f59e0b", "#ec4899", "#06b6d4"), strict=True))

_STYLE = """
text{font-family:"Noto Sans CJK SC","PingFang SC","Microsoft YaHei","Segoe UI",system-ui,sans-serif;fill:#1f2937}
.paper{fill:#ffffff}.lane{fill:#f8fafc;stroke:#e2e8f0}.box{fill:#ffffff;stroke:#cbd5e1}
.title{font-size:24px;font-weight:700}.sub{font-size:13px;fill:#64748b}.head{font-size:15px;font-weight:600}
.name{font-size:15px;font-weight:600}.small{font-size:11.5px;fill:#64748b}.when{font-size:11.5px;fill:#b45309}
.line{stroke:#94a3b8;fill:none;stroke-width:1.6}.pass{stroke-dasharray:5 4}.tip{fill:#94a3b8}
.rail{stroke:#cbd5e1;stroke-width:3}.dot{fill:#ffffff;stroke:#64748b;stroke-width:2.5}.state{font-size:13px}
.end{fill:#334155}.endtext{fill:#ffffff;font-size:14px;font-weight:600}.if{stroke:#f59e0b;stroke-dasharray:6 4}
@media (prefers-color-scheme: dark){text{fill:#e5e7eb}.paper{fill:#0f172a}.lane{fill:#131c31;stroke:#24304a}
.box{fill:#1b2740;stroke:#3b4a68}.sub,.small{fill:#94a3b8}.when{fill:#fbbf24}.line{stroke:#64748b}.tip{fill:#64748b}
.rail{stroke:#334155}.dot{fill:#0f172a;stroke:#94a3b8}.end{fill:#e2e8f0}.endtext{fill:#0f172a}.if{stroke:#f59e0b}}
"""


# -- SVG ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a step's box stands: its middle and its upper edge."""

    step: Step
    x: float
    y: float

    @property
    def left(self) -> float:
        return self.x - _BOX / 2

    @property
    def below(self) -> float:
        return self.y + _BOX_HEIGHT


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where everything stands. `gates[i]` is the height of the line between the stages i - 1 and i."""

    lanes: tuple[tuple[str, float, float], ...]
    """Department, left edge, width."""
    rows: tuple[tuple[_Place, ...], ...]
    gates: tuple[float, ...]
    width: float
    height: float


def svg(definition: Definition, language: Language) -> str:
    """The definition as an SVG image that is readable on light and dark paper."""
    plan = _plan(definition)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {plan.width:g} {plan.height:g}"'
        f' width="{plan.width:g}" height="{plan.height:g}" role="img">',
        f"<title>{escape(_title(definition))}</title><style>{_STYLE}</style>",
        f'<rect class="paper" width="{plan.width:g}" height="{plan.height:g}"/>',
        *_heading(definition, language),
        *_lanes(plan, language),
        *_rail(definition, plan, language),
        *_arrows(plan),
        *(
            part
            for row in plan.rows
            for place in row
            for part in _box(definition, place, _ACCENTS[Department(place.step.department)], language)
        ),
        *_ends(definition, plan, language),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _plan(definition: Definition) -> _Plan:
    departments = list(dict.fromkeys(step.department for step in definition.steps))
    most = {
        name: max(sum(step.department == name for step in stage) for stage in definition.stages) for name in departments
    }
    lanes: list[tuple[str, float, float]] = []
    left: float = _RAIL + _MARGIN
    for name in departments:
        lanes.append((name, left, _LANE * most[name]))
        left += _LANE * most[name] + 8
    width = left + _MARGIN - 8
    gates = [float(_TOP + 64)]
    rows = []
    for stage in definition.stages:
        y = gates[-1] + 24 + _CONDITION_LINE * max(len(_condition(step)) for step in stage)
        rows.append(tuple(_stand(stage, lanes, y)))
        gates.append(y + _BOX_HEIGHT + 26)
    return _Plan(tuple(lanes), tuple(rows), tuple(gates), width, gates[-1] + 84)


def _stand(stage: Stage, lanes: Sequence[tuple[str, float, float]], y: float) -> Iterator[_Place]:
    """The boxes of a stage, those of one department beside each other in the middle of its lane."""
    for name, left, width in lanes:
        steps = [step for step in stage if step.department == name]
        begin = left + width / 2 - _LANE * len(steps) / 2
        for place, step in enumerate(steps):
            yield _Place(step, begin + _LANE * (place + 0.5), y)


def _heading(definition: Definition, language: Language) -> Iterator[str]:
    other = definition.title["zh" if language == "en" else "en"]
    yield (
        f'<text x="{_MARGIN}" y="50" class="title">{escape(definition.title[language])}'
        f'<tspan dx="14" style="font-weight:400">{escape(other)}</tspan></text>'
    )
    kinds = " / ".join(word("sale_types", each, language) for each in definition.sale_types)
    document = word("documents", definition.document, language)
    facts = [definition.key, document, kinds or word("drawing", "named", language)]
    facts.append(f"{word('drawing', 'from', language)} {definition.effective_from}")
    if definition.legacy_until:
        facts.append(f"{word('drawing', 'until', language)} {definition.legacy_until}")
    said = " · ".join(facts)
    yield f'<text x="{_MARGIN}" y="76" class="sub">{escape(said)}</text>'
    x = float(_MARGIN)
    for mark, code in (("●", "auto"), ("☰", "manual"), ("┄", "when"), ("↩", "back")):
        text = f"{mark} {word('drawing', code, language)}"
        yield f'<text x="{x:g}" y="100" class="small">{escape(text)}</text>'
        x += _breadth(text, 11.5) + 22


def _lanes(plan: _Plan, language: Language) -> Iterator[str]:
    for name, left, width in plan.lanes:
        accent = _ACCENTS[Department(name)]
        height = plan.gates[-1] + 16 - _TOP + 38
        yield (
            f'<rect class="lane" x="{left:g}" y="{_TOP - 38}" width="{width:g}" height="{height:g}" rx="10"/>'
            f'<rect x="{left:g}" y="{_TOP - 38}" width="{width:g}" height="5" rx="2.5" fill="{accent}"/>'
        )
        first, second = _both("departments", name, language)
        yield (
            f'<text x="{left + width / 2:g}" y="{_TOP - 10}" class="head" text-anchor="middle">{escape(first)}'
            f'<tspan class="sub" dx="8" style="font-weight:400">{escape(second)}</tspan></text>'
        )


def _rail(definition: Definition, plan: _Plan, language: Language) -> Iterator[str]:
    """On the left, the states that an order goes through."""
    x = _MARGIN + 10
    marks: list[tuple[float, State]] = [(plan.gates[0], State.IN_REVIEW)]
    for row, gate in zip(plan.rows, plan.gates[1:], strict=True):
        if row[0].step.reaches:
            marks.append((gate, row[0].step.reaches))
    if marks[-1][1] is not definition.ends_in:
        marks.append((plan.gates[-1] + 41, definition.ends_in))
    yield f'<line class="rail" x1="{x}" y1="{marks[0][0]:g}" x2="{x}" y2="{marks[-1][0]:g}"/>'
    for y, state in marks:
        yield f'<circle class="dot" cx="{x}" cy="{y:g}" r="6"/>'
        yield f'<text x="{x + 16}" y="{y + 4.5:g}" class="state">{escape(word("states", state, language))}</text>'


def _arrows(plan: _Plan) -> Iterator[str]:
    """From gate to gate: a line across, then down through each box; past what may be left out a dashed one."""
    middle = [row[len(row) // 2].x if len(row) % 2 else (row[0].x + row[-1].x) / 2 for row in plan.rows]
    for number, (row, gate) in enumerate(zip(plan.rows, plan.gates, strict=False)):
        following = plan.gates[number + 1]
        begin = middle[number - 1] if number else middle[0]
        across = [begin, *(place.x for place in row)]
        if number and all(place.step.when for place in plan.rows[number - 1]):
            across.append(_bypass(plan.rows[number - 1]))
        passed = all(place.step.when for place in row)
        if passed:
            across.append(_bypass(row))
            x = _bypass(row)
            yield f'<path class="line pass" d="M{x:g} {gate:g}V{following:g}"/>'
        if max(across) > min(across):
            yield f'<path class="line" d="M{min(across):g} {gate:g}H{max(across):g}"/>'
        for place in row:
            yield f'<path class="line" d="M{place.x:g} {gate:g}V{place.y - 7:g}"/>'
            yield _tip(place.x, place.y)
            yield f'<path class="line" d="M{place.x:g} {place.below:g}V{following:g}"/>'
            for line, text in enumerate(_condition(place.step)):
                y = gate + 17 + line * _CONDITION_LINE
                yield f'<text x="{place.x + 9:g}" y="{y:g}" class="when">{escape(text)}</text>'
        if len(row) > 1:  # where a group joins
            xs = [place.x for place in row]
            yield f'<path class="line" d="M{min(xs):g} {following:g}H{max(xs):g}"/>'
    last = plan.rows[-1]
    if all(place.step.when for place in last):
        yield f'<path class="line" d="M{_bypass(last):g} {plan.gates[-1]:g}H{middle[-1]:g}"/>'
    yield f'<path class="line" d="M{middle[0]:g} {plan.gates[0] - 22:g}V{plan.gates[0]:g}"/>'
    yield f'<path class="line" d="M{middle[-1]:g} {plan.gates[-1]:g}v18"/>' + _tip(middle[-1], plan.gates[-1] + 26)


def _bypass(row: Sequence[_Place]) -> float:
    return min(place.left for place in row) - 10


def _tip(x: float, y: float) -> str:
    return f'<path class="tip" d="M{x - 5:g} {y - 8:g}h10l-5 8z"/>'


def _box(definition: Definition, place: _Place, accent: str, language: Language) -> Iterator[str]:
    step, left = place.step, place.left
    kind = "box if" if step.when else "box"
    yield f'<rect class="{kind}" x="{left:g}" y="{place.y:g}" width="{_BOX}" height="{_BOX_HEIGHT}" rx="9"/>'
    yield f'<rect x="{left:g}" y="{place.y + 12:g}" width="4" height="{_BOX_HEIGHT - 24}" rx="2" fill="{accent}"/>'
    first, second = _both("activities", step.activity, language)
    mark = "●" if step.mode == "auto" else "☰"
    yield f'<text x="{left + 14:g}" y="{place.y + 25:g}" class="name">{escape(_cut(first, 15, _BOX - 44))}</text>'
    yield (
        f'<text x="{left + _BOX - 12:g}" y="{place.y + 23:g}" text-anchor="end" fill="{accent}"'
        f' style="fill:{accent};font-size:13px">{mark}</text>'
    )
    roles = " / ".join(word("roles", role, language) for role in step.roles)
    last = f"{deadline_in_words(step, language)} · ↩ {_disagreement(definition, step, language)}"
    for line, text in enumerate((second, roles, last)):
        y = place.y + 43 + 17 * line
        yield f'<text x="{left + 14:g}" y="{y:g}" class="small">{escape(_cut(text, 11.5, _BOX - 24))}</text>'


def deadline_in_words(step: Step, language: Language) -> str:
    """Such as "2 working days", "2 个工作日"."""
    count, unit = step.deadline.count, step.deadline.unit
    return step.deadline.text if language == "en" else f"{count} {word('units', unit, language)}"


def _disagreement(definition: Definition, step: Step, language: Language) -> str:
    if step.on_disagree in (RETURN, REPEAT, RECORD):
        return word("disagreements", step.on_disagree, language)
    return word("activities", definition.step(step.on_disagree).activity, language)


def _both(kind: str, code: str, language: Language) -> tuple[str, str]:
    """The word in the language asked for, and in the other one."""
    first, second = word(kind, code, language), word(kind, code, "zh" if language == "en" else "en")
    return first, second if second != first else ""


def _ends(definition: Definition, plan: _Plan, language: Language) -> Iterator[str]:
    first, last = plan.rows[0], plan.rows[-1]
    ends = word("states", definition.ends_in, language) + (f"  →  {definition.then}" if definition.then else "")
    for x, y, text in (
        ((first[0].x + first[-1].x) / 2, plan.gates[0] - 50, word("drawing", "submitted", language)),
        ((last[0].x + last[-1].x) / 2, plan.gates[-1] + 26, ends),
    ):
        wide = _breadth(text, 14) + 36
        yield f'<rect class="end" x="{x - wide / 2:g}" y="{y:g}" width="{wide:g}" height="30" rx="15"/>'
        yield f'<text x="{x:g}" y="{y + 20:g}" class="endtext" text-anchor="middle">{escape(text)}</text>'


def _condition(step: Step) -> list[str]:
    """A step's condition in lines that fit beside its arrow."""
    if step.when is None:
        return []
    lines = [""]
    for part in _readable(step.when.text).split(" "):
        if lines[-1] and len(lines[-1]) + len(part) + 1 > _CONDITION_CHARACTERS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {part}".strip()
    return lines


def _readable(condition: str) -> str:
    return condition.replace(">=", "≥").replace("<=", "≤").replace("!=", "≠").replace("==", "=")


def _title(definition: Definition) -> str:
    return f"{definition.title['zh']} {definition.title['en']} ({definition.key})"


def _breadth(text: str, size: float) -> float:
    """About how wide a text is."""
    return sum(size * (1.0 if unicodedata.east_asian_width(one) in "WF" else 0.53) for one in text)


def _cut(text: str, size: float, most: float) -> str:
    if _breadth(text, size) <= most:
        return text
    while text and _breadth(text, size) > most - size:
        text = text[:-1]
    return f"{text.rstrip()}…"


# -- Mermaid -----------------------------------------------------------------------------------------------------------


def mermaid(definition: Definition, language: Language) -> str:
    """The definition as a Mermaid flowchart, for documents that draw it themselves."""
    lines = ["---", f"title: {_title(definition)}", "---", "flowchart TD"]
    lines.append(f'  submitted(["{word("drawing", "submitted", language)}"])')
    for name in dict.fromkeys(step.department for step in definition.steps):
        lines.append(f'  subgraph {name}["{word("departments", name, "zh")} {word("departments", name, "en")}"]')
        for step in definition.steps:
            if step.department == name:
                shape = ('["', '"]') if step.mode == "auto" else ('[/"', '"/]')
                lines.append(f"    {_node(step)}{shape[0]}{_label(step, language)}{shape[1]}")
        lines.append("  end")
    ends = word("states", definition.ends_in, language) + (f" → {definition.then}" if definition.then else "")
    lines.append(f'  ended(["{ends}"])')
    for one, said, other in _edges(definition, language):
        lines.append(f'  {one} -->|"{said}"| {other}' if said else f"  {one} --> {other}")
    return "\n".join(lines) + "\n"


def _edges(definition: Definition, language: Language) -> Iterator[tuple[str, str, str]]:
    """From every step to those that follow it, and past what may be left out to what follows that."""
    before: list[tuple[str, str]] = [("submitted", "")]
    for stage in definition.stages:
        for step in stage:
            condition = _readable(step.when.text).replace('"', "'") if step.when else ""
            for one, said in before:
                yield one, " / ".join(filter(None, (said, condition))), _node(step)
        passing = word("drawing", "else", language)
        past = [(one, passing) for one, _ in before] if all(step.when for step in stage) else []
        before = [(_node(step), "") for step in stage] + past
    for one, said in before:
        yield one, said, "ended"


def _node(step: Step) -> str:
    return f"step_{step.id}"  # a bare id might be a word of Mermaid, such as "end"


def _label(step: Step, language: Language) -> str:
    first, second = _both("activities", step.activity, language)
    roles = " / ".join(word("roles", role, language) for role in step.roles)
    return f"<b>{first}</b> {second}<br/>{roles}"
