"""What is shipped as data goes together with the code: definitions, policies, and words for every code."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import get_args

import pytest

from messages.commands import FACT_OWNERS
from messages.facts.compliance import ContractReceived
from shared import definitions, policy
from shared.catalogue import DefinitionError, gather
from shared.roles import ROLES
from shared.rulebook import Rulebook
from shared.words import FOLDER, LANGUAGES, known_findings
from tests.support.definitions import definition_text, step
from tests.support.sources import DEPARTMENTS, Module, modules, places, possible_texts
from workers.department import verify_own
from workers.departments import declaration, invariants, known_activities, verify
from workers.intake.changes import Change
from workers.process import refusing

FINDINGS = FOLDER / "findings"
CORE = "core"
ENTRY = {*LANGUAGES, *(f"remedy_{language}" for language in LANGUAGES)}
STANDARD = policy.load()

# -- definitions and policies ------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRC-01", "PRC-08")
def test_every_shipped_definition_and_policy_knows_its_activities_and_roles() -> None:
    verify(Rulebook(definitions.load(), STANDARD))
    definitions.verify_all(definitions.load(), known_activities(), ROLES)
    assert [policy.verify(each) for each in STANDARD.entries.values()] == [[]]


@pytest.mark.requirement("PRC-08")
def test_what_nobody_can_do_is_named_and_the_process_does_not_start(capsys: pytest.CaptureFixture[str]) -> None:
    odd = definitions.parse(
        definition_text(step("a", activity="finance.juggle"), step("b", activity="kitchen.cook", roles=["cook"])), "odd"
    )
    with pytest.raises(SystemExit) as ended, refusing():
        verify(Rulebook(gather([odd]), STANDARD))
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert said.startswith("REFUSED sample@1: step 'a': unknown activity 'finance.juggle'")
    assert "step 'b': unknown department 'kitchen'" in said
    assert "step 'b': unknown role 'cook'" in said
    assert said.count("\n") == 1


@pytest.mark.requirement("PRC-08")
def test_a_department_does_not_start_with_a_step_that_it_cannot_do(capsys: pytest.CaptureFixture[str]) -> None:
    odd = definitions.parse(definition_text(step("a", activity="finance.juggle")), "odd")
    with pytest.raises(SystemExit), refusing():
        verify_own(declaration("finance"), Rulebook(gather([odd]), STANDARD))
    assert capsys.readouterr().out == "REFUSED sample@1: step 'a': finance has no activity 'finance.juggle'\n"


def test_a_file_that_cannot_be_read_ends_the_process_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), refusing():
        raise DefinitionError(["a.toml: no 'name'", "b.toml: not TOML"])
    assert capsys.readouterr().out == "REFUSED a.toml: no 'name'; b.toml: not TOML\n"


def test_every_kind_of_fact_is_booked_by_its_owner() -> None:
    moved_at_intake = {kind.model_fields["kind"].default for kind in (*get_args(Change), ContractReceived)}
    for kind, owner in FACT_OWNERS.items():
        assert kind in moved_at_intake or kind in declaration(owner).fact_handlers, f"{owner} books no {kind}"
    handled = {kind for name in DEPARTMENTS for kind in declaration(name).fact_handlers}
    assert handled <= {*FACT_OWNERS}


# -- words of findings -------------------------------------------------------------------------------------------------


def found_by(module: Module) -> Iterator[tuple[re.Pattern[str], ast.Call]]:
    """Every finding that a file makes: a pattern for its code, and the call."""
    for called, call in module.calls():
        if called in ("finding", "Finding"):
            for pattern in possible_texts(module, call.args[0]):
                yield re.compile(pattern), call


def catalogue(department: str) -> dict[str, dict[str, str]]:
    entries: dict[str, dict[str, str]] = tomllib.loads((FINDINGS / f"{department}.toml").read_text(encoding="utf-8"))
    return entries


def makers(department: str) -> list[Module]:
    """The files that make a department's findings; those of the core are its moves by time."""
    if department == CORE:
        return [module for module in modules() if module.package == "shared" and module.name != "shared.department"]
    return [module for module in modules() if module.department == department]


@pytest.mark.parametrize("department", [*DEPARTMENTS, CORE])
def test_every_finding_has_words_and_no_words_are_left_over(department: str) -> None:
    own = makers(department)
    made = [(pattern, f"{module.path}:{call.lineno}") for module in own for pattern, call in found_by(module)]
    codes = set(catalogue(department))
    assert [where for pattern, where in made if not any(map(pattern.fullmatch, codes))] == []
    codes -= {each.code for each in invariants()}  # what the audit says of the books may have words beside them
    assert {code for code in codes if not any(pattern.fullmatch(code) for pattern, _ in made)} == set()


def test_findings_are_made_by_departments_and_the_core_and_no_code_has_two_meanings() -> None:
    assert {path.stem for path in FINDINGS.glob("*.toml")} == {*DEPARTMENTS, CORE}
    others = [module for module in modules() if not module.department and module.package != "shared"]
    assert [module.path for module in others if [*found_by(module)]] == []
    codes = Counter(code for department in [*DEPARTMENTS, CORE] for code in catalogue(department))
    assert [code for code, times in codes.items() if times > 1] == []
    assert known_findings() == {*codes}


@pytest.mark.parametrize("department", [*DEPARTMENTS, CORE])
def test_both_languages_say_the_same_of_a_finding(department: str) -> None:
    breaches = {each.code for each in invariants()}
    for code, entry in catalogue(department).items():
        if code in breaches:
            continue
        assert {*entry} == ENTRY, code
        assert all(text.strip() for text in entry.values()), code
        assert not re.search("[一-鿿]", entry["en"] + entry["remedy_en"]), code
        assert re.search("[一-鿿]", entry["zh"]), code
        assert re.search("[一-鿿]", entry["remedy_zh"]), code
        for prefix in ("", "remedy_"):
            chinese, english = (places(entry[prefix + language]) - _NAMES for language in ("zh", "en"))
            assert chinese == english, code


_NAMES = {"name_zh", "name_en"}


@pytest.mark.parametrize("department", [*DEPARTMENTS, CORE])
def test_every_figure_in_the_words_is_one_that_the_finding_has(department: str) -> None:
    for module in makers(department):
        for pattern, call in found_by(module):
            if any(keyword.arg is None for keyword in call.keywords):
                continue  # figures gathered elsewhere: the department's own tests read those sentences
            given = {keyword.arg for keyword in call.keywords} | ({"subject"} if len(call.args) > 1 else set())
            for code, entry in catalogue(department).items():
                if pattern.fullmatch(code):
                    wanted = {name for text in entry.values() for name in places(text)}
                    assert wanted <= given, f"{module.path}:{call.lineno}: {code}"


def test_every_definition_and_policy_has_a_title_in_both_languages() -> None:
    titles = {key: each.title for key, each in definitions.load().entries.items()}
    titles |= {key: each.title for key, each in STANDARD.entries.items()}
    for key, title in titles.items():
        assert {*title} == {*LANGUAGES}, key
