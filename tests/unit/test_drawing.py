"""Processes as pictures: well-formed, complete, and laid out so that nothing covers anything else."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from shared import definitions, drawing
from shared.processes import Definition
from shared.words import LANGUAGES, Language, word
from tests.support.definitions import definition_text, step

SHIPPED = definitions.load().entries
SVG = "{http://www.w3.org/2000/svg}"
CONDITION = 'total >= senior_threshold and (customer_class in ("A", "B") or special_requirements)'
COUNTERSIGN = definitions.parse(
    definition_text(
        step("sales", activity="sales_review.check", mode="manual", roles=["sales_supervisor"]),
        step("legal", activity="compliance.check", group="countersign", roles=["legal_counsel"]),
        step("technical", activity="compliance.check", group="countersign", roles=["technical_reviewer"]),
        step("finance", activity="finance.review", group="countersign"),
        step("boss", activity="sales_review.approve", mode="manual", when=CONDITION, on_disagree="sales"),
        title={"zh": "会签 <甲&乙>", "en": "Countersigned"},
    ),
    "countersign",
)


def texts(definition: Definition, language: Language) -> str:
    picture = ET.fromstring(drawing.svg(definition, language))
    return "\n".join("".join(each.itertext()) for each in picture.iter(f"{SVG}text"))


def boxes(definition: Definition) -> list[tuple[float, float, float, float]]:
    """Left, top, right, bottom of every step."""
    return [
        (x, y, x + float(each.attrib["width"]), y + float(each.attrib["height"]))
        for each in ET.fromstring(drawing.svg(definition, "en")).iter(f"{SVG}rect")
        if each.attrib.get("class", "").split()[:1] == ["box"]
        for x, y in [(float(each.attrib["x"]), float(each.attrib["y"]))]
    ]


@pytest.mark.requirement("PRC-01")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", SHIPPED)
def test_every_shipped_process_is_drawn_whole(key: str, language: Language) -> None:
    definition = SHIPPED[key]
    said = texts(definition, language)
    assert definition.title["zh"] in said
    assert definition.title["en"] in said
    for each in definition.steps:
        assert word("departments", each.department, language) in said
    assert word("states", definition.ends_in, language) in said
    assert len(boxes(definition)) == len(definition.steps)


@pytest.mark.parametrize("definition", [*SHIPPED.values(), COUNTERSIGN], ids=lambda each: each.key)
def test_no_box_covers_another_and_all_are_on_the_paper(definition: Definition) -> None:
    picture = ET.fromstring(drawing.svg(definition, "en"))
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    found = boxes(definition)
    for left, top, right, bottom in found:
        assert 0 < left < right < width
        assert 0 < top < bottom < height
    for one, other in combinations(found, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@pytest.mark.requirement("APR-06")
def test_a_group_stands_side_by_side_and_other_steps_one_below_the_other() -> None:
    tops = [top for _, top, _, _ in boxes(COUNTERSIGN)]
    assert tops[1] == tops[2] == tops[3]
    assert tops[0] < tops[1] < tops[4]


@pytest.mark.requirement("APR-07")
def test_a_condition_stands_at_its_arrow_and_a_way_leads_past_it() -> None:
    said = " ".join(texts(COUNTERSIGN, "en").split())
    assert 'total ≥ senior_threshold and (customer_class in ("A", "B") or special_requirements)' in said
    assert drawing.svg(COUNTERSIGN, "en").count('class="line pass"') == 1
    assert 'class="line pass"' not in drawing.svg(SHIPPED["d02_order_review@1"], "en")


def test_what_is_drawn_is_escaped_and_needs_nothing_from_elsewhere() -> None:
    picture = drawing.svg(COUNTERSIGN, "zh")
    assert "会签 &lt;甲&amp;乙&gt;" in picture
    assert not re.search(r"(?<!xmlns=\")https?://|<script|<image|@import|url\(", picture)


def test_mermaid_leads_past_what_may_be_left_out() -> None:
    text = drawing.mermaid(COUNTERSIGN, "en")
    edges = [line.strip() for line in text.splitlines() if "-->" in line]
    assert "submitted --> step_sales" in edges
    assert [edge for edge in edges if edge.startswith("step_sales")] == [
        "step_sales --> step_legal",
        "step_sales --> step_technical",
        "step_sales --> step_finance",
    ]
    assert 'step_legal -->|"else"| ended' in edges
    assert "step_boss --> ended" in edges
    assert '"A"' not in text  # a quotation mark would end Mermaid's own
