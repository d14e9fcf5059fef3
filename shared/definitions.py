"""Reading and checking process definitions: each is checked whole, every fault is named with its place (PRC-08)."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import cast

from messages.folders import DocumentKind
from messages.orders import SaleType
from shared.catalogue import Catalogue, DefinitionError, gather, read_folder, read_toml
from shared.conditions import Condition, ConditionError, parse_condition
from shared.fields import Fields
from shared.letters import ON_REQUEST
from shared.processes import (
    ALL,
    CHANGED,
    NOT_BY,
    RECORD,
    REPEAT,
    REQUIRABLE,
    RETURN,
    AsksAgain,
    Definition,
    Mode,
    Step,
)
from shared.states import FINAL, State, allowed, forward

FOLDER = Path(__file__).parent / "processes"
"""The definitions that are shipped."""

_ENDS = frozenset(end for end in FINAL if any(forward(state, end) for state in State))
_ACTIVITY = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


def load(folder: Path = FOLDER) -> Catalogue[Definition]:
    """Every definition of a folder. Raises DefinitionError with every fault of every file and of the whole."""
    return whole(read_folder(folder, parse))


def whole(entries: Iterable[Definition]) -> Catalogue[Definition]:
    """Definitions as one catalogue. Raises DefinitionError with every fault between them (PRC-08)."""
    catalogue = gather(entries)
    faults = [*_rival_faults(catalogue), *_continuation_faults(catalogue)]
    if faults:
        raise DefinitionError(faults)
    return catalogue


def parse(text: str, source_name: str) -> Definition:
    """The definition in a TOML text. Raises DefinitionError with every fault in it."""
    faults: list[str] = []
    fields = Fields(read_toml(text, source_name), source_name, faults)
    tables = fields.tables("step")
    definition = Definition(
        name=fields.name("name"),
        version=fields.number("version", least=1),
        title=fields.title("title"),
        document=DocumentKind(fields.choice("document", tuple(DocumentKind)) if fields.has("document") else "order"),
        sale_types=fields.texts("sale_types", tuple(SaleType)),
        effective_from=fields.day("effective_from"),
        legacy_until=fields.day("legacy_until") if fields.has("legacy_until") else None,
        ends_in=State(fields.choice("ends_in", tuple(State)) or State.ARCHIVED),
        then=fields.name("then") if fields.has("then") else None,
        asks_again=cast(AsksAgain, fields.choice("asks_again", (ALL, CHANGED)) if fields.has("asks_again") else ALL),
        letters=fields.texts("letters", ON_REQUEST) if fields.has("letters") else (),
        requires=fields.texts("requires", REQUIRABLE) if fields.has("requires") else (),
        steps=_all_steps(tables, source_name, faults),
    )
    fields.refuse_others()
    ids = [str(table["id"]) for table in tables if table.get("id")]
    faults += [f"{source_name}: {fault}" for fault in (*_id_faults(ids), *_structure_faults(definition))]
    if faults:
        raise DefinitionError(faults)
    return definition


def _all_steps(tables: Sequence[dict[str, object]], source_name: str, faults: list[str]) -> tuple[Step, ...]:
    """The steps in order, those that everybody signs as parallel groups; who is sent back to one of these is sent to
    its first member, which asks the whole group again.
    """
    steps: list[Step] = []
    first: dict[str, str] = {}
    for place, table in enumerate(tables, 1):
        step, signed_by_all = _step(table, place, source_name, faults)
        signed = _signatures(step) if signed_by_all else (step,)
        first[step.id] = signed[0].id
        steps += signed
    return tuple(replace(step, on_disagree=first.get(step.on_disagree, step.on_disagree)) for step in steps)


def _signatures(step: Step) -> tuple[Step, ...]:
    """会签: one step for each role, in a group of their own, whose name nobody can write (APR-06)."""
    return tuple(replace(step, id=f"{step.id}.{role}", roles=(role,), group=f"{step.id}.all") for role in step.roles)


def _step(table: dict[str, object], place: int, source_name: str, faults: list[str]) -> tuple[Step, bool]:
    """The step as it is written, and whether every one of its roles must agree."""
    fields = Fields(table, f"{source_name}: step '{table.get('id', f'number {place}')}'", faults)
    activity = fields.text("activity")
    if activity and not _ACTIVITY.fullmatch(activity):
        fields.fault(f"'activity' is '{activity}', not such as finance.review")
    roles = fields.texts("roles")
    if fields.has("roles") and not roles:
        fields.fault("'roles' is empty: nobody could decide")
    everybody = fields.has("sign") and fields.choice("sign", ("any", "all")) == "all"
    if everybody and len(roles) < 2:
        fields.fault(f"'sign' is all, which takes at least two roles, not {len(roles)}")
    if everybody and fields.has("group"):
        fields.fault("'sign' is all, which makes a group of its own: leave 'group' out")
    step = Step(
        id=fields.name("id"),
        activity=activity,
        mode=cast(Mode, fields.choice("mode", ("auto", "manual")) or "auto"),
        roles=roles,
        deadline=fields.duration("deadline"),
        on_disagree=fields.text("on_disagree"),
        group=fields.name("group") if fields.has("group") else None,
        when=_condition(fields) if fields.has("when") else None,
        reaches=_state(fields) if fields.has("reaches") else None,
        options=_options(fields) if fields.has("options") else MappingProxyType({}),
    )
    fields.refuse_others()
    return step, everybody and bool(roles)


def _state(fields: Fields) -> State | None:
    state = fields.choice("reaches", tuple(State))
    return State(state) if state else None


def _condition(fields: Fields) -> Condition | None:
    text = fields.text("when")
    try:
        return parse_condition(text) if text else None
    except ConditionError as error:
        fields.fault(f"'when' is {text!r}: {error}")
        return None


def _options(fields: Fields) -> MappingProxyType[str, str | int | bool]:
    options: dict[str, str | int | bool] = {}
    for key, value in fields.inner("options").table.items():
        if isinstance(value, str | int):  # a bool is an int
            options[key] = value
        else:
            fields.fault(f"option '{key}' must be text, a whole number, true or false, not {value!r}")
    return MappingProxyType(options)


def _structure_faults(definition: Definition) -> Iterable[str]:
    """What is wrong between the parts of one definition."""
    if not definition.steps:
        yield "there is no step"
    elif all(step.when is not None for step in definition.stages[0]):
        yield f"step '{definition.steps[0].id}': the first may not depend on 'when', or an order could pass unseen"
    until = definition.legacy_until
    if until is not None and until < definition.effective_from:
        yield f"'legacy_until' {until} is before 'effective_from' {definition.effective_from}"
    if definition.then is None and definition.ends_in not in FINAL:
        yield f"'ends_in' is {definition.ends_in}, where nothing follows without 'then'; final are {_list(_ENDS)}"
    yield from _group_faults(definition)
    yield from _target_faults(definition)
    yield from _not_by_faults(definition)
    yield from _state_faults(definition, [State.IN_REVIEW])


def _id_faults(ids: list[str]) -> Iterable[str]:
    for one in dict.fromkeys(ids):
        if ids.count(one) > 1:
            yield f"step '{one}': its id is there {ids.count(one)} times"
        if one in (RETURN, REPEAT, RECORD):
            yield f"step '{one}': its id has a meaning of its own in 'on_disagree'"


def _group_faults(definition: Definition) -> Iterable[str]:
    groups = [stage[0].group for stage in definition.stages if stage[0].group is not None]
    for group in dict.fromkeys(groups):
        if groups.count(group) > 1:
            yield f"group '{group}': its steps do not follow one another"
    for stage in definition.stages:
        if len({step.reaches for step in stage}) > 1:
            yield f"group '{stage[0].group}': its steps reach different states"


def _target_faults(definition: Definition) -> Iterable[str]:
    earlier: set[str] = set()
    for stage in definition.stages:
        for step in stage:
            if step.on_disagree and step.on_disagree not in earlier | {RETURN, REPEAT, RECORD}:
                words = f"'on_disagree' is '{step.on_disagree}', not {RETURN}, {REPEAT}, {RECORD} or an earlier step"
                yield f"step '{step.id}': {words}"
        earlier.update(step.id for step in stage)


def _not_by_faults(definition: Definition) -> Iterable[str]:
    earlier: set[str] = set()
    for stage in definition.stages:
        for step in stage:
            if NOT_BY in step.options and step.options[NOT_BY] not in earlier:
                yield f"step '{step.id}': option '{NOT_BY}' is '{step.options[NOT_BY]}', not an earlier step"
        earlier.update(step.id for step in stage)


def _state_faults(definition: Definition, reached: list[State]) -> Iterable[str]:
    """Walks the states that the stages reach, after those in `reached`, and tries each disagreement on the way."""
    states = list(reached)
    before: dict[str, State] = {}
    for stage in definition.stages:
        for step in stage:
            before.setdefault(step.id, states[-1])
            yield from _disagreement_faults(step, states[-1], before)
        if stage[0].reaches is not None:
            yield from _move_faults(states, stage[0].reaches, f"step '{stage[0].id}': 'reaches'")
            states.append(stage[0].reaches)
            if stage[0].reaches in FINAL and stage is not definition.stages[-1]:
                yield f"step '{stage[0].id}': 'reaches' is {stage[0].reaches}, which is final, and steps follow"
    if definition.ends_in is not states[-1]:
        yield from _move_faults(states, definition.ends_in, "'ends_in'")


def _reached(before: list[State], definition: Definition) -> list[State]:
    """The states gone through by the end of a definition, after those before it."""
    own = [state for state in definition.reached if state is not None]
    return list(dict.fromkeys([*before, *own, definition.ends_in]))


def _disagreement_faults(step: Step, present: State, before: dict[str, State]) -> Iterable[str]:
    target = State.RETURNING if step.on_disagree == RETURN else before.get(step.on_disagree, present)
    if step.on_disagree not in (REPEAT, RECORD, step.id) and target is not present and not allowed(present, target):
        yield f"step '{step.id}': 'on_disagree' is '{step.on_disagree}', but an order {present} cannot become {target}"


def _move_faults(reached: list[State], following: State, place: str) -> Iterable[str]:
    # All states before count, not only the last: stages may be skipped, but never visited again or out of order.
    for state in dict.fromkeys(reached):
        if not forward(state, following):
            yield f"{place}: an order that was {state} cannot become {following}"


def _rival_faults(catalogue: Catalogue[Definition]) -> Iterable[str]:
    """Two defaults for one sale type of one kind of document on one day. What is in force changes only on the day that
    a version begins.
    """
    versions = [catalogue.versions(name) for name in catalogue.names()]
    told: set[tuple[str, ...]] = set()
    for day in sorted({definition.effective_from for definition in catalogue.entries.values()}):
        begun = [[one for one in each if one.effective_from <= day][-1:] for each in versions]
        in_force = [one for each in begun for one in each]
        for document, sale_type in product(DocumentKind, SaleType):
            rivals = tuple(d.key for d in in_force if d.document is document and sale_type in d.sale_types)
            if len(rivals) > 1 and (sale_type, *rivals) not in told:
                told.add((sale_type, *rivals))
                yield f"{' and '.join(rivals)}: all are active for sale type '{sale_type}' on {day}"


def _continuation_faults(catalogue: Catalogue[Definition]) -> Iterable[str]:
    """`then` that names nothing, leads round in a circle, or goes on where the state table does not allow it."""
    for definition in catalogue.entries.values():
        yield from _chain_faults(catalogue, (definition,), _reached([State.IN_REVIEW], definition))


def _chain_faults(
    catalogue: Catalogue[Definition], chain: tuple[Definition, ...], reached: list[State]
) -> Iterable[str]:
    last = chain[-1]
    if last.then is None:
        return
    if any(last.then == one.name for one in chain):
        yield f"{chain[0].key}: 'then' leads round in a circle by '{last.then}'; nothing goes on as what came before it"
        return
    following = catalogue.versions(last.then)
    if not following and len(chain) == 1:
        yield f"{last.key}: 'then' names '{last.then}', which is not in the catalogue"
    for one in following:
        taken = {step.id for each in chain for step in each.steps}
        twice = [f"step '{step.id}': its id is taken before" for step in one.steps if step.id in taken]
        yield from (f"{last.key} then {one.key}: {fault}" for fault in (*twice, *_state_faults(one, reached)))
        yield from _chain_faults(catalogue, (*chain, one), _reached(reached, one))


def verify(definition: Definition, activities: Collection[str], roles: Collection[str]) -> list[str]:
    """What of the definition is not known here: its departments, activities and roles. Empty when all is well."""
    departments = {activity.partition(".")[0] for activity in activities}
    faults = []
    for step in definition.steps:
        place = f"{definition.key}: step '{step.id}'"
        if step.department not in departments:
            faults.append(f"{place}: unknown department '{step.department}'; known are {_list(departments)}")
        elif step.activity not in activities:
            faults.append(f"{place}: unknown activity '{step.activity}'; known are {_list(activities)}")
        faults += [
            f"{place}: unknown role '{role}'; known are {_list(roles)}" for role in step.roles if role not in roles
        ]
    return faults


def verify_all(catalogue: Catalogue[Definition], activities: Collection[str], roles: Collection[str]) -> None:
    """Raises DefinitionError with what is not known here of any definition."""
    faults = [fault for one in catalogue.entries.values() for fault in verify(one, activities, roles)]
    if faults:
        raise DefinitionError(faults)


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
