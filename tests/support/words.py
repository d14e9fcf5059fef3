"""What people read."""

from shared.authority import Refusal
from shared.words import answer


def sentence_of(refused: Refusal) -> tuple[str, str]:
    """Why something was refused, in Chinese and in English."""
    return answer(refused.code, refused.values, "zh"), answer(refused.code, refused.values, "en")
