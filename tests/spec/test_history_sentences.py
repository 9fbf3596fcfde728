"""Facts in plain sentences: every fact there is has one (decision 017)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from events import key, organization, team, user
from events.envelope import Envelope
from events.registry import DomainEvent, UnknownFact, known_facts
from events.streams import TEAM, stream
from events.values import Callback, CallbackVariable, MemberLimits, Sealed
from services.projection.history.changes import changes_of
from services.projection.history.sentences import PHRASES, sentence
from tests.golden import AT, EXAMPLES, META
from tests.support.facts import budget, created, joined

CORE = stream(TEAM, "core")
SECRET = Sealed(person="p", box="Ym94")


class People:
    """Bob has an address; what is sealed for anybody is one."""

    def person(self, user_id: str) -> str:
        return {"bob": "bob@example.com"}.get(user_id, user_id)

    def opened(self, box: Sealed | None) -> str | None:
        return None if box is None else "ann@example.com"


class Forgotten(People):
    """All that was sealed is lost."""

    def opened(self, box: Sealed | None) -> str | None:  # noqa: ARG002
        return None


def at(fact: DomainEvent, name: str = CORE, actor: str | None = "bob") -> Envelope:
    meta = replace(META, actor=actor)
    return replace(AT, originator_id=name, event=fact, meta=meta)


def told(fact: DomainEvent) -> str:
    return sentence(at(fact), People()).removeprefix("bob@example.com ")


def test_every_fact_has_a_sentence() -> None:
    assert set(PHRASES) == set(known_facts())


@pytest.mark.parametrize(
    ("name", "fact"), EXAMPLES, ids=lambda each: getattr(each, "type_name", "")
)
def test_every_fact_is_told_and_nothing_that_is_sealed(name: str, fact: DomainEvent) -> None:
    recorded = at(fact, name)
    text = sentence(recorded, Forgotten())
    assert text.startswith("bob@example.com ")
    assert text == " ".join(text.split())
    changes = changes_of(recorded)
    assert len({change.field for change in changes}) == len(changes)
    assert all(change.before != change.after for change in changes)
    assert "p-8d3f" not in text


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        (
            team.TeamBudgetChanged(before=budget(10, None, "30d"), after=budget(20, None, "30d")),
            "raised the budget from 10 USD to 20 USD per 30d",
        ),
        (
            team.TeamBudgetChanged(before=budget(20, 15), after=budget("2.50", 15, "1mo")),
            "lowered the budget from 20 USD to 2.5 USD per 1mo and set the budget period to 1mo",
        ),
        (
            team.TeamBudgetChanged(before=budget(), after=budget(5, 4)),
            "set the budget to 5 USD and set the soft budget to 4 USD",
        ),
        (
            team.TeamBudgetChanged(before=budget(5, 4), after=budget()),
            "removed the budget of 5 USD and removed the soft budget of 4 USD",
        ),
        (created(team_alias="Core"), 'created the team "Core"'),
        (created(), 'created the team "core"'),
        (team.TeamRenamed(before="a", after="b"), 'changed the name of the team from "a" to "b"'),
        (
            team.TeamMovedToOrganization(before="acme", after="other"),
            'moved the team out of the organization "acme" into the organization "other"',
        ),
        (
            team.TeamModelsChanged(before=["a", "b"], after=["b", "c"]),
            'added "c" to the models and removed "a" from the models',
        ),
        (
            team.TeamModelsChanged(before=["a"], after=[]),
            'removed all models (all models may be used): "a"',
        ),
        (joined("ann", "admin"), "added ann as admin"),
        (
            joined("ann", "user", MemberLimits(budget_id="b", max_budget=Decimal(3))),
            "added ann as user with a budget of 3 USD",
        ),
        (
            team.MemberRoleChanged(user_id="bob", before="user", after="admin"),
            "changed the role of bob@example.com from user to admin",
        ),
        (
            team.TeamDeleted(settings=created(team_alias="Core").settings, members_total=1),
            'deleted the team "Core" with 1 member',
        ),
        (
            team.TeamMetadataChanged(before={"a": 1}, after={"b": 2}),
            'set "b" in the metadata and removed "a" from the metadata',
        ),
        (
            organization.OrganizationRenamed(before="A", after="B"),
            'renamed the organization from "A" to "B"',
        ),
        (
            user.UserRoleChanged(before=None, after="internal_user"),
            "set the role to internal_user",
        ),
        (key.KeyBlocked(), "blocked the key"),
    ],
)
def test_what_was_done_is_told_in_plain_words(fact: DomainEvent, text: str) -> None:
    assert told(fact) == text


def test_an_address_that_is_forgotten_is_told_by_nobody() -> None:
    fact = user.UserEmailChanged(
        before=SECRET, after=SECRET, before_claim=None, after_claim=None
    ).model_copy(update={"after": None})
    assert sentence(at(fact), Forgotten()) == (
        'bob@example.com removed the e-mail address "somebody who was forgotten"'
    )


def test_who_did_it_may_be_nobody() -> None:
    blocked = team.TeamBlocked()
    nobody = at(blocked, actor=None)
    assert sentence(nobody, People()) == "A key without a user blocked the team"
    by_itself = replace(nobody, meta=replace(nobody.meta, actor_key=None))
    assert sentence(by_itself, People()) == "The service blocked the team"


def test_what_a_newer_release_recorded_is_told_by_its_name() -> None:
    fact = UnknownFact(name="team.painted", version=1, data={"colour": "red"})
    assert told(fact) == "did what this release cannot tell (team.painted)"
    assert changes_of(at(fact)) == []


def test_long_names_are_cut() -> None:
    assert told(created(team_alias="x" * 500)) == f'created the team "{"x" * 80}…"'


def test_secrets_are_not_among_the_changes() -> None:
    secret = CallbackVariable(shown="sk-l****cdef", secret=SECRET)
    logging = Callback(
        callback_name="langfuse", callback_type="success", variables={"langfuse_secret": secret}
    )
    fact = team.TeamCallbacksChanged(before=[], after=[logging])
    [change] = changes_of(at(fact))
    assert change.field == "metadata.logging"
    assert SECRET.box not in str(change.after)
    routed = team.TeamRouterSettingsChanged(before={}, after={"api_key": "sk-0123456789abcdef"})
    [change] = changes_of(at(routed))
    assert change.after == {"api_key": "sk-0****cdef"}
    noted = team.TeamMetadataChanged(before={}, after={"api_key": "sk-0123456789abcdef"})
    [change] = changes_of(at(noted))
    assert (change.field, change.after) == ("metadata.api_key", "sk-0****cdef")
