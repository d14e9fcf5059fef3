"""What travels through the departments: orders, contracts and delivery notes, each the document of a folder."""

from enum import StrEnum

import msgspec

from messages.contracts import SalesContract
from messages.delivery_notes import DeliveryNote
from messages.orders import Order, read_order

Document = Order | SalesContract | DeliveryNote


class DocumentKind(StrEnum):
    """What a process is for: sales orders 销售订单, contracts 合同, delivery notes 发货单."""

    ORDER = "order"
    CONTRACT = "contract"
    DELIVERY_NOTE = "delivery_note"


_DECODERS: dict[DocumentKind, msgspec.json.Decoder[SalesContract] | msgspec.json.Decoder[DeliveryNote]] = {
    DocumentKind.CONTRACT: msgspec.json.Decoder(SalesContract),
    DocumentKind.DELIVERY_NOTE: msgspec.json.Decoder(DeliveryNote),
}
_ENCODER = msgspec.json.Encoder()


def read_document(kind: DocumentKind, text: str | bytes) -> Document:
    """The document in a stored text. Raises `msgspec.ValidationError` for what is none of this kind and version."""
    return read_order(text) if kind is DocumentKind.ORDER else _DECODERS[kind].decode(text)


def write_document(document: Document) -> str:
    """The text to store."""
    return _ENCODER.encode(document).decode()


def kind_of(document: Document) -> DocumentKind:
    """Which kind of document it is."""
    return _KINDS[type(document)]


_KINDS: dict[type, DocumentKind] = {
    Order: DocumentKind.ORDER,
    SalesContract: DocumentKind.CONTRACT,
    DeliveryNote: DocumentKind.DELIVERY_NOTE,
}


def size_of(document: Document) -> int:
    """How many lines it has, which tells how much work it is."""
    return max(1, len(document.lines))
