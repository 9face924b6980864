"""What the exchange in force is called, in sentences that name it by marks; put there at start, by language."""

from collections.abc import Mapping

EXCHANGE, FULL_NAME = "[exchange]", "[exchange in full]"
STATE, STATE_CODE, RESIDENTS = "[state]", "[state code]", "[residents]"
_WORDS: dict[str, Mapping[str, str]] = {}


def use_words(words: Mapping[str, Mapping[str, str]]) -> None:
    """Puts these words in force for this process, by language and mark."""
    _WORDS.clear()
    _WORDS.update(words)


def fill_words(sentence: str, language: str = "en") -> str:
    """A sentence with the words of the exchange in force in the place of its marks."""
    if "[" in sentence:
        for mark, word in _WORDS.get(language, {}).items():
            sentence = sentence.replace(mark, word)
    return sentence
