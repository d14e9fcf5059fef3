"""The autopilot (自动驾驶): simulated staff and outside world, an ordinary client of the public edges.

It decides user tasks as a person would through `shared.tasks`, and reports facts on the stream `facts.reported` as any
outside system would. Everything it says bears the word simulated. It runs beside people and other clients: what they
do first stays done.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from messages.commands import FACT, Fact
from shared import broker, definitions, policy, transport
from shared.catalogue import Catalogue
from shared.database import Database
from shared.policy import Policy
from shared.processes import Definition
from shared.tasks import TRANSFER, Transferred, Wish, decide, transfer
from workers.demo import corrections, habits, world
from workers.demo.scene import FactKey, Scene, look

FACTS = "facts.reported"
_HANDED_OVER_AT_ONCE = 25
"""Each takes a transaction of its own, so that a tick stays short."""


@dataclass(slots=True)
class Autopilot:
    """For one thread. It remembers what it has told the world's side of, and nothing else: after a restart it may say
    a fact again, which the edge recognises by its id.
    """

    database: Database
    broker_url: str
    quiet_ticks: int = 0
    """How many ticks in a row have found nothing to do and all that was told booked."""
    _told: set[FactKey] = field(default_factory=set)
    _unbooked: set[FactKey] = field(default_factory=set)
    _given_up: set[str] = field(default_factory=set)
    _facts: transport.Connection | None = None
    _queues: broker.Broker | None = None

    def tick(self) -> int:
        """Do everything that can be done now; returns how many decisions were made and facts told. Never waits.

        Raises `BrokerUnavailable` and database errors; calling it again is harmless.
        """
        with self.database.transaction() as session:
            scene = look(session, self._given_up, self._unbooked)
        self._unbooked -= scene.booked
        done = self._decide(scene) + self._tell(self._reports(scene))
        self.quiet_ticks = 0 if done or self._unbooked else self.quiet_ticks + 1
        return done

    def close(self) -> None:
        """Close the connection to the broker."""
        if self._facts is not None:
            self._facts.close()
            self._facts = None

    # -- staff -----------------------------------------------------------------------------------------------------

    def _decide(self, scene: Scene) -> int:
        wishes = [wish for question in scene.questions if (wish := habits.answer(question, scene.staff))]
        handed_over = sum(
            map(self._hand_over, [wish for wish in wishes if wish.choice == TRANSFER][:_HANDED_OVER_AT_ONCE])
        )
        wishes = [wish for wish in wishes if wish.choice != TRANSFER]
        if not wishes:
            return handed_over
        with self.database.transaction() as session:
            answers, batches = decide(session, wishes, datetime.now(UTC))
        self._queues = self._queues or broker.connect(self.broker_url)
        broker.publish(self._queues, [(batch.department, batch) for batch in batches])
        return handed_over + answers.count(None)

    def _hand_over(self, wish: Wish) -> bool:
        with self.database.transaction() as session:
            (answer,) = transfer(session, [wish], *_rules(), datetime.now(UTC))
        return isinstance(answer, Transferred)

    # -- the world -------------------------------------------------------------------------------------------------

    def _reports(self, scene: Scene) -> list[Fact]:
        facts = [fact for standstill in scene.standstills for fact in world.react(standstill)]
        for returned in scene.returns:
            fact = corrections.react(returned)
            if fact is None or (_key(fact) in self._told and _key(fact) not in self._unbooked):
                self._given_up.add(returned.order.id)  # or it was refused: nobody tries again
            else:
                facts.append(fact)
        return [fact for fact in facts if _key(fact) not in self._told]

    def _tell(self, facts: list[Fact]) -> int:
        if not facts:
            return 0
        self._facts = self._facts or transport.connect(self.broker_url)
        transport.publish(self._facts, FACTS, [FACT.dump_json(fact) for fact in facts])
        keys = {_key(fact) for fact in facts}
        self._told |= keys
        self._unbooked |= keys
        return len(facts)


@cache
def _rules() -> tuple[Catalogue[Definition], Catalogue[Policy]]:
    return definitions.load(), policy.load()


def _key(fact: Fact) -> FactKey:
    return fact.source, fact.fact_id
