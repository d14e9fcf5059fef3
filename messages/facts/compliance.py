"""Facts that compliance 合规 books."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from messages.contract import Code, Name, Text
from messages.contracts import ContractSubmitted, SubmittedAttachment
from messages.facts.fact import BaseFact, Words


class ContractReceived(BaseFact):
    """A contract came in (合同收文, CMP-02). `by` registers it. `source` and `fact_id` name the contract for ever."""

    kind: Literal["contract_received"] = "contract_received"
    by: Code
    document: ContractSubmitted


class ContractRevised(BaseFact):
    """A new version of a contract's text (CMP-07), from who registered it: opinions on the older no longer count."""

    kind: Literal["contract_revised"] = "contract_revised"
    contract: Code
    by: Code
    document: ContractSubmitted


class CounterpartyChecked(BaseFact):
    """The other side's reputation and strength (信誉、实力) were looked into, with the results in words (CMP-08)."""

    kind: Literal["counterparty_checked"] = "counterparty_checked"
    contract: Code
    by: Code
    reputation: Words
    strength: Words


class ContractSigned(BaseFact):
    """Both sides signed and sealed (签字盖章, CMP-08): who signed for us as head, with which seal, on which day."""

    kind: Literal["contract_signed"] = "contract_signed"
    contract: Code
    by: Code
    signing_head: Name
    seal: Name
    signed_on: date
    our_signature: Name
    their_signature: Name
    attachments: Annotated[tuple[SubmittedAttachment, ...], Field(max_length=100)] = ()


class ObligationMet(BaseFact):
    """One of a signed contract's obligations was met (CMP-11); `obligation` is its number in the contract."""

    kind: Literal["obligation_met"] = "obligation_met"
    contract: Code
    by: Code
    obligation: Annotated[int, Field(ge=1)]
    met_on: date
    remarks: Text = ""


ComplianceFact = ContractReceived | ContractRevised | CounterpartyChecked | ContractSigned | ObligationMet
