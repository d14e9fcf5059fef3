"""Reading definitions: every fault is named with its place, the shipped ones are sound, the right one is chosen."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared import definitions
from shared.calendar import Deadline
from shared.catalogue import Catalogue, DefinitionError, gather
from shared.definitions import parse, verify, verify_all
from shared.processes import Definition, active, may_finish, select, steps_dropped
from shared.roles import DEPARTMENT_OF, ROLES
from shared.states import State
from tests.support.definitions import definition_text, step

ACTIVITIES = frozenset(
    {
        "sales_review.check",
        "sales_review.approve",
        "finance.review",
        "finance.release",
        "compliance.check",
        "compliance.register",
        "logistics.note",
        "logistics.leave",
        "compliance.approve",
        "compliance.review",
        "compliance.sign",
        "compliance.archive",
        "finance.approve",
        "warehouse.approve",
        "warehouse.confirm",
        "warehouse.reserve",
        "warehouse.prepare",
        "logistics.plan",
        "logistics.ship",
        "after_sales.receipt",
        "finance.settle",
        "after_sales.archive",
    }
)
MAY = date(2026, 5, 1)


def faults_of(text: str) -> tuple[str, ...]:
    with pytest.raises(DefinitionError) as refused:
        parse(text, "sample.toml")
    return refused.value.faults


def folder_of(path: Path, *texts: str) -> Path:
    for number, text in enumerate(texts):
        (path / f"{number}.toml").write_text(text, encoding="utf-8")
    return path


def catalogue_of(*texts: str) -> Catalogue[Definition]:
    return gather([parse(text, "sample.toml") for text in texts])


@pytest.mark.requirement("PRC-01")
def test_a_definition_is_read_whole() -> None:
    text = definition_text(
        step("sales", activity="sales_review.check", mode="manual", roles=["sales_supervisor", "sales_manager"]),
        step("law", group="both", when="total > 5", deadline="2 weeks", on_disagree="sales", options={"depth": 2}),
        step("money", group="both", on_disagree="record"),
        step("store", activity="warehouse.reserve", reaches="reserved"),
        sale_types=["domestic"],
        legacy_until="2020-02-01",
    )
    definition = parse(text, "sample.toml")
    assert definition.key == "sample@1"
    assert definition.title == {"zh": "样例", "en": "Sample"}
    assert (definition.effective_from, definition.legacy_until) == (date(2020, 1, 1), date(2020, 2, 1))
    assert definition.ends_in is State.ARCHIVED
    assert [[one.id for one in stage] for stage in definition.stages] == [["sales"], ["law", "money"], ["store"]]
    law = definition.step("law")
    assert (law.department, law.deadline, law.on_disagree) == ("finance", Deadline(2, "week"), "sales")
    assert law.when is not None
    assert law.when.text == "total > 5"
    assert law.options == {"depth": 2}
    assert definition.step("sales").roles == ("sales_supervisor", "sales_manager")
    assert definition.step("store").reaches is State.RESERVED
    assert definition.activities == {"sales_review.check", "finance.review", "warehouse.reserve"}
    with pytest.raises(DefinitionError, match="has no step 'other'"):
        definition.step("other")


@pytest.mark.requirement("APR-06")
def test_a_step_that_everybody_signs_is_a_group_with_a_step_for_each_role() -> None:
    text = definition_text(
        step("sales", sign="any", roles=["sales_supervisor", "sales_manager"]),
        step("countersign", sign="all", roles=["purchasing", "finance_clerk"], mode="manual", reaches="approved"),
        step("last", on_disagree="countersign"),
    )
    definition = parse(text, "sample.toml")
    assert [[one.id for one in stage] for stage in definition.stages] == [
        ["sales"],
        ["countersign.purchasing", "countersign.finance_clerk"],
        ["last"],
    ]
    assert definition.step("sales").roles == ("sales_supervisor", "sales_manager")
    assert definition.step("countersign.purchasing").roles == ("purchasing",)
    assert definition.step("countersign.finance_clerk").mode == "manual"
    assert definition.reached == (None, None, State.APPROVED, State.APPROVED)
    dropped = steps_dropped(definition, definition.step("last"), {one.id for one in definition.steps[:3]})
    assert {one.id for one in dropped} == {"countersign.purchasing", "countersign.finance_clerk"}


STEP_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"activity": None}, "step 'one': 'activity' is missing"),
    ({"activity": "finance"}, "step 'one': 'activity' is 'finance', not such as finance.review"),
    ({"mode": "robot"}, "step 'one': 'mode' is 'robot', not one of auto, manual"),
    ({"roles": None}, "step 'one': 'roles' is missing"),
    ({"roles": []}, "step 'one': 'roles' is empty: nobody could decide"),
    ({"roles": "finance_clerk"}, "step 'one': 'roles' must be a list, not 'finance_clerk'"),
    ({"roles": [7]}, "step 'one': 'roles' holds 7, which is not text"),
    ({"roles": ["a", "a"]}, "step 'one': 'roles' holds 'a' twice"),
    ({"deadline": "soon"}, "step 'one': 'deadline': 'soon' is not a deadline"),
    ({"on_disagree": None}, "step 'one': 'on_disagree' is missing"),
    ({"on_disagree": "one"}, "step 'one': 'on_disagree' is 'one', not return, repeat, record or an earlier step"),
    ({"on_disagree": "two"}, "step 'one': 'on_disagree' is 'two', not return, repeat, record or an earlier step"),
    ({"on_disagree": "gone"}, "step 'one': 'on_disagree' is 'gone', not return, repeat, record or an earlier step"),
    ({"when": "turnover > 1"}, "step 'one': 'when' is 'turnover > 1': unknown value 'turnover'"),
    ({"when": "total >"}, "step 'one': 'when' is 'total >': not an expression"),
    ({"when": "total == 'x'"}, "a number cannot be compared with a text"),
    ({"when": ""}, "step 'one': 'when' is empty"),
    ({"reaches": "moon"}, "step 'one': 'reaches' is 'moon', not one of draft"),
    ({"reaches": "returned"}, "step 'one': 'reaches': an order that was in_review cannot become returned"),
    ({"options": {"depth": [1]}}, "step 'one': option 'depth' must be text, a whole number, true or false"),
    ({"urgent": True}, "step 'one': unknown key 'urgent'"),
    ({"group": "Both!"}, "step 'one': 'group' is 'Both!'"),
    ({"id": "Step One"}, "step 'Step One': 'id' is 'Step One'; it takes small letters, digits and _"),
    ({"sign": "both"}, "step 'one': 'sign' is 'both', not one of any, all"),
    ({"sign": "all"}, "step 'one': 'sign' is all, which takes at least two roles, not 1"),
    ({"sign": "all", "roles": []}, "step 'one': 'roles' is empty: nobody could decide"),
    ({"sign": "all", "roles": ["a", "b"], "group": "g"}, "step 'one': 'sign' is all, which makes a group of its own"),
    ({"id": "one.a"}, "step 'one.a': 'id' is 'one.a'; it takes small letters, digits and _"),
    ({"id": None}, "step 'number 1': 'id' is missing"),
    ({"id": "return"}, "step 'return': its id has a meaning of its own"),
]


@pytest.mark.requirement("PRC-08")
@pytest.mark.parametrize(("changes", "fault"), STEP_FAULTS, ids=[fault for _, fault in STEP_FAULTS])
def test_a_faulty_step_is_named(changes: dict[str, Any], fault: str) -> None:
    text = definition_text({**step("one"), **changes}, step("two"))
    assert any(fault in told for told in faults_of(text)), faults_of(text)
    assert all(told.startswith("sample.toml: ") for told in faults_of(text))


HEAD_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "sample.toml: 'name' is missing"),
    ({"name": "Sample!"}, "'name' is 'Sample!'"),
    ({"version": 0}, "'version' is 0 and must be at least 1"),
    ({"version": "1"}, "'version' must be a whole number, not '1'"),
    ({"version": True}, "'version' must be a whole number, not True"),
    ({"title": {"zh": "样例"}}, "title: 'en' is missing"),
    ({"title": "Sample"}, "'title' must be a table"),
    ({"sale_types": ["export"]}, "'sale_types' holds 'export', not one of domestic, foreign, internal"),
    ({"sale_types": None}, "'sale_types' is missing"),
    ({"effective_from": '"2020-01-01"'}, "'effective_from' must be a date such as 2026-01-01"),
    ({"effective_from": "2020-01-01T00:00:00Z"}, "'effective_from' must be a date such as 2026-01-01"),
    ({"effective_from": None}, "'effective_from' is missing"),
    ({"legacy_until": "2019-12-31"}, "'legacy_until' 2019-12-31 is before 'effective_from' 2020-01-01"),
    ({"ends_in": "moon"}, "'ends_in' is 'moon', not one of"),
    ({"ends_in": "approved"}, "'ends_in' is approved, where nothing follows without 'then'"),
    ({"ends_in": "cancelled"}, "'ends_in': an order that was in_review cannot become cancelled"),
    ({"asks_again": "nobody"}, "'asks_again' is 'nobody', not one of all, changed"),
    ({"then": "Next One"}, "'then' is 'Next One'"),
    ({"owner": "me"}, "unknown key 'owner'"),
]


@pytest.mark.requirement("PRC-08")
@pytest.mark.parametrize(("changes", "fault"), HEAD_FAULTS, ids=[fault for _, fault in HEAD_FAULTS])
def test_a_faulty_head_is_named(changes: dict[str, Any], fault: str) -> None:
    assert any(fault in told for told in faults_of(definition_text(step("one"), **changes)))


STRUCTURE_FAULTS: list[tuple[list[dict[str, Any]], str]] = [
    ([], "there is no step"),
    ([step("a", when="new_customer"), step("b")], "step 'a': the first may not depend on 'when'"),
    ([step("a", group="g", when="True"), step("b", group="g", when="True")], "step 'a': the first may not depend on"),
    ([step("a"), step("b"), step("a")], "step 'a': its id is there 2 times"),
    ([step("a"), step("a", sign="all", roles=["x", "y"])], "step 'a': its id is there 2 times"),
    ([step("a", group="g"), step("b"), step("c", group="g")], "group 'g': its steps do not follow one another"),
    (
        [step("a", group="g", reaches="approved"), step("b", group="g")],
        "group 'g': its steps reach different states",
    ),
    ([step("a", group="g"), step("b", group="g", on_disagree="a")], "step 'b': 'on_disagree' is 'a'"),
    (
        [step("a", reaches="reserved"), step("b", reaches="approved")],
        "step 'b': 'reaches': an order that was reserved cannot become approved",
    ),
    (
        [step("a", reaches="approved"), step("b", reaches="approved")],
        "step 'b': 'reaches': an order that was approved cannot become approved",
    ),
    (  # each move alone is allowed, the way round is not
        [
            step("a", reaches="shipped"),
            step("b", reaches="settled", on_disagree="repeat"),
            step("c", reaches="reserved", on_disagree="repeat"),
        ],
        "step 'c': 'reaches': an order that was shipped cannot become reserved",
    ),
    (
        [step("a", reaches="archived"), step("b", on_disagree="repeat")],
        "step 'a': 'reaches' is archived, which is final, and steps follow",
    ),
    (
        [step("a", reaches="shipped"), step("b")],
        "step 'b': 'on_disagree' is 'return', but an order shipped cannot become returning",
    ),
    (
        [step("a", reaches="approved"), step("b", reaches="shipped"), step("c", on_disagree="b")],
        "step 'c': 'on_disagree' is 'b', but an order shipped cannot become approved",
    ),
]


@pytest.mark.requirement("PRC-08", "TRK-01")
@pytest.mark.parametrize(("steps", "fault"), STRUCTURE_FAULTS, ids=[fault for _, fault in STRUCTURE_FAULTS])
def test_steps_that_do_not_fit_together_are_named(steps: list[dict[str, Any]], fault: str) -> None:
    assert any(fault in told for told in faults_of(definition_text(*steps)))


@pytest.mark.requirement("PRC-08")
def test_all_faults_of_a_definition_are_told_at_once() -> None:
    text = definition_text(
        step("a", mode="robot", deadline="soon", when="new_customer"),
        step("a", on_disagree="gone", when="eval('1')"),
        version=0,
        owner="me",
    )
    assert len(faults_of(text)) == 8


@pytest.mark.requirement("PRC-08")
@pytest.mark.parametrize("text", ["name = ", "[[step]", "a = 1\na = 2", "step = 5"])
def test_what_is_not_a_definition_at_all_is_refused(text: str) -> None:
    assert all(told.startswith("sample.toml: ") for told in faults_of(text))


@pytest.mark.requirement("PRC-08")
def test_a_folder_tells_the_faults_of_all_its_files(tmp_path: Path) -> None:
    folder_of(tmp_path, definition_text(), "name =", definition_text(step("a"), name="fine"))
    (tmp_path / "latin.toml").write_bytes("name = 'Größe'".encode("latin-1"))
    with pytest.raises(DefinitionError) as refused:
        definitions.load(tmp_path)
    assert [fault.partition(":")[0] for fault in refused.value.faults] == ["0.toml", "1.toml", "latin.toml"]


@pytest.mark.requirement("PRC-08")
def test_an_empty_folder_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="no TOML file there"):
        definitions.load(tmp_path)


@pytest.mark.requirement("PRC-08")
def test_two_defaults_for_one_sale_type_on_one_day_are_refused(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        definition_text(step("a"), name="old", sale_types=["domestic", "foreign"]),
        definition_text(step("a"), name="new", sale_types=["domestic"], effective_from="2026-04-01"),
    )
    with pytest.raises(DefinitionError) as refused:
        definitions.load(tmp_path)
    assert refused.value.faults == ("new@1 and old@1: all are active for sale type 'domestic' on 2026-04-01",)


@pytest.mark.requirement("PRC-06", "PRC-08")
def test_a_default_may_hand_a_sale_type_over_on_a_day(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        definition_text(step("a"), name="old", sale_types=["domestic", "foreign"]),
        definition_text(step("a"), name="old", version=2, sale_types=["foreign"], effective_from="2026-04-01"),
        definition_text(step("a"), name="new", sale_types=["domestic"], effective_from="2026-04-01"),
    )
    catalogue = definitions.load(tmp_path)
    assert select(catalogue, "domestic", date(2026, 3, 31)).key == "old@1"
    assert select(catalogue, "domestic", date(2026, 4, 1)).key == "new@1"
    assert select(catalogue, "foreign", date(2026, 3, 31)).key == "old@1"
    assert select(catalogue, "foreign", date(2026, 4, 1)).key == "old@2"


@pytest.mark.requirement("PRC-08")
@pytest.mark.parametrize(
    ("second", "fault"),
    [
        ({"version": 1}, "sample@1: there are two with this name and version"),
        ({"version": 2}, "sample@2: effective_from must be later than that of sample@1, 2020-01-01"),
        ({"version": 2, "effective_from": "2019-01-01"}, "sample@2: effective_from must be later"),
    ],
)
def test_versions_follow_one_another(second: dict[str, Any], fault: str) -> None:
    with pytest.raises(DefinitionError, match=fault):
        catalogue_of(definition_text(step("a")), definition_text(step("a"), **second))


@pytest.mark.requirement("PRC-10")
def test_a_definition_may_continue_in_another(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        definition_text(step("a"), name="review", ends_in="approved", then="fulfil"),
        definition_text(step("b", reaches="reserved"), step("c", reaches="shipped"), name="fulfil"),
    )
    assert definitions.load(tmp_path).get("review@1").then == "fulfil"


@pytest.mark.requirement("PRC-08", "PRC-10")
@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        (
            [definition_text(step("a"), name="x", ends_in="approved", then="gone")],
            "x@1: 'then' names 'gone', which is not in the catalogue",
        ),
        (
            [
                definition_text(step("a"), name="x", ends_in="approved", then="y"),
                definition_text(step("a"), name="y", ends_in="reserved", then="x"),
            ],
            "x@1: 'then' leads round in a circle by 'x'; nothing goes on as what came before it",
        ),
        (
            [
                definition_text(step("a"), name="x", ends_in="shipped", then="y"),
                definition_text(step("b", on_disagree="repeat", reaches="reserved"), name="y"),
            ],
            "x@1 then y@1: step 'b': 'reaches': an order that was shipped cannot become reserved",
        ),
        (
            [
                definition_text(step("a"), name="x", ends_in="approved", then="y"),
                definition_text(step("a", reaches="shipped"), name="y"),
            ],
            "x@1 then y@1: step 'a': its id is taken before",
        ),
        (
            [
                definition_text(step("a"), name="x", ends_in="shipped", then="y"),
                definition_text(step("b"), name="y"),
            ],
            "x@1 then y@1: step 'b': 'on_disagree' is 'return', but an order shipped cannot become returning",
        ),
        (
            [
                definition_text(step("a"), name="x", ends_in="ended", then="y"),
                definition_text(step("b"), name="y"),
            ],
            "x@1 then y@1: 'ends_in': an order that was ended cannot become archived",
        ),
    ],
)
def test_a_continuation_that_cannot_be_is_refused(texts: list[str], fault: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as refused:
        definitions.load(folder_of(tmp_path, *texts))
    assert fault in refused.value.faults


@pytest.mark.requirement("PRC-08")
def test_unknown_departments_activities_and_roles_are_named() -> None:
    text = definition_text(
        step("a", activity="moon.land"), step("b", activity="finance.guess"), step("c", roles=["king"])
    )
    definition = parse(text, "sample.toml")
    faults = verify(definition, ACTIVITIES, ROLES)
    assert [fault.partition(";")[0] for fault in faults] == [
        "sample@1: step 'a': unknown department 'moon'",
        "sample@1: step 'b': unknown activity 'finance.guess'",
        "sample@1: step 'c': unknown role 'king'",
    ]
    with pytest.raises(DefinitionError, match="unknown department 'moon'"):
        verify_all(gather([definition]), ACTIVITIES, ROLES)


# -- what is shipped --------------------------------------------------------------------------------------------------

SHIPPED = definitions.load()


@pytest.mark.requirement("PRC-03", "PRC-04")
@pytest.mark.parametrize("sale_type", ["domestic", "foreign", "internal"])
def test_every_sale_type_has_its_default(sale_type: str) -> None:
    assert select(SHIPPED, sale_type, MAY).key == "standard@1"
    assert [one.name for one in active(SHIPPED, sale_type, MAY)] == ["standard"]


@pytest.mark.requirement("PRC-02")
def test_d02_has_the_documents_steps_in_its_order_and_people_decide_each() -> None:
    definition = SHIPPED.get("d02_order_review@1")
    assert [one.activity for one in definition.steps] == [
        "sales_review.check",
        "finance.review",
        "compliance.check",
        "warehouse.confirm",
    ]
    assert {one.mode for one in definition.steps} == {"manual"}
    assert len(definition.stages) == 4  # strictly one after the other
    assert definition.steps[-1].reaches is State.APPROVED
    assert definition.ends_in is State.ENDED


@pytest.mark.requirement("PRC-02", "APR-07")
def test_d11_has_the_documents_approvals_in_its_order() -> None:
    definition = SHIPPED.get("d11_approval@1")
    approvals = definition.steps[:4]
    assert [one.activity for one in approvals] == [
        "sales_review.check",
        "finance.review",
        "warehouse.confirm",
        "sales_review.approve",
    ]
    assert {one.mode for one in approvals} == {"manual"}
    assert [one.when is not None for one in approvals] == [False, False, False, True]
    assert approvals[3].roles == ("senior_management",)
    assert definition.steps[4].activity == "compliance.contract"


@pytest.mark.requirement("PRC-01")
def test_express_visits_each_department_once() -> None:
    departments = [one.department for one in SHIPPED.get("express@1").steps]
    assert departments == ["sales_review", "finance", "compliance", "warehouse", "logistics", "after_sales"]


@pytest.mark.requirement("APR-12")
def test_reviews_take_one_working_day() -> None:
    for definition in SHIPPED.entries.values():
        for one in definition.steps:
            if one.activity in {"sales_review.check", "sales_review.approve", "finance.review", "compliance.check"}:
                assert one.deadline == Deadline(1, "working_day")


@pytest.mark.requirement("PRC-01")
def test_every_role_belongs_to_a_department_or_to_the_core() -> None:
    departments = {activity.partition(".")[0] for activity in ACTIVITIES}
    assert set(DEPARTMENT_OF.values()) == departments | {"core"}


# -- which one applies ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRC-04")
def test_a_document_may_name_its_definition() -> None:
    assert select(SHIPPED, "domestic", MAY, "express").key == "express@1"
    with pytest.raises(DefinitionError, match="gone: no such definition in force on 2026-05-01; known are d01_"):
        select(SHIPPED, "domestic", MAY, "gone")
    with pytest.raises(DefinitionError, match="express: no such definition in force on 2019-12-31"):
        select(SHIPPED, "domestic", date(2019, 12, 31), "express")


@pytest.mark.requirement("PRC-04")
def test_a_sale_type_without_a_definition_is_refused() -> None:
    with pytest.raises(DefinitionError, match="sale type 'domestic' needs one definition in force on 2019-12-31"):
        select(SHIPPED, "domestic", date(2019, 12, 31))
    with pytest.raises(DefinitionError, match="sale type 'barter' needs one"):
        select(SHIPPED, "barter", MAY)


@pytest.mark.requirement("PRC-06")
@pytest.mark.parametrize(
    ("created", "key"),
    [("2020-01-01", "sample@1"), ("2026-03-31", "sample@1"), ("2026-04-01", "sample@2"), ("2030-01-01", "sample@2")],
)
def test_a_version_applies_to_what_is_created_from_its_day_on(created: str, key: str) -> None:
    catalogue = catalogue_of(
        definition_text(step("a"), sale_types=["domestic"]),
        definition_text(step("a"), sale_types=["domestic"], version=2, effective_from="2026-04-01"),
    )
    assert select(catalogue, "domestic", date.fromisoformat(created)).key == key
    assert catalogue.get("sample@1").version == 1  # running orders keep what they are pinned to


@pytest.mark.requirement("PRC-07")
def test_old_documents_may_be_finished_until_the_new_versions_day() -> None:
    catalogue = catalogue_of(
        definition_text(step("a"), name="old", sale_types=["domestic", "foreign"]),
        definition_text(step("a"), name="old", version=2, sale_types=["foreign"], effective_from="2026-04-01"),
        definition_text(
            step("a"), name="d08", sale_types=["domestic"], effective_from="2026-04-01", legacy_until="2026-04-30"
        ),
        definition_text(step("a"), name="d08", version=2, sale_types=["domestic"], effective_from="2027-01-01"),
    )
    old = catalogue.get("old@1")
    assert may_finish(catalogue, old, "domestic", date(2026, 3, 31))
    assert may_finish(catalogue, old, "domestic", date(2026, 4, 30))
    assert not may_finish(catalogue, old, "domestic", date(2026, 5, 1))
    assert not may_finish(catalogue, old, "domestic", date(2027, 5, 1))  # a later version opens nothing again
    assert may_finish(catalogue, old, "foreign", date(2026, 5, 1))
    assert may_finish(catalogue, catalogue.get("d08@1"), "domestic", date(2027, 5, 1))


@pytest.mark.requirement("PRC-07")
def test_a_named_definition_gives_way_only_to_its_own_next_version() -> None:
    catalogue = catalogue_of(
        definition_text(step("a"), name="named"),
        definition_text(step("a"), sale_types=["domestic"], effective_from="2026-04-01", legacy_until="2026-04-30"),
    )
    assert may_finish(catalogue, catalogue.get("named@1"), "domestic", date(2026, 5, 1))


def test_an_unknown_key_is_told_with_the_known_ones() -> None:
    with pytest.raises(DefinitionError, match="gone@1: not in the catalogue, which has d01_order_handling@1"):
        SHIPPED.get("gone@1")
