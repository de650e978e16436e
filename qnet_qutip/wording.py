"""Lists in words, for what is printed: of a thousand names the first few."""

from __future__ import annotations

from collections.abc import Sequence

MOST_WORDS, FIRST_WORDS = 20, 6
"""Words up to which all are shown, and how many of more: twenty are two lines of a terminal."""


def listed(words: Sequence[str]) -> str:
    """Words with commas between them; of many the first few, and how many more there are.

    Examples
    --------
    >>> listed(["hot", "cold"])
    'hot, cold'
    >>> listed([str(number) for number in range(1000)])
    '0, 1, 2, 3, 4, 5, … and 994 more'
    """
    if len(words) <= MOST_WORDS:
        return ", ".join(words)
    return f"{', '.join(words[:FIRST_WORDS])}, … and {len(words) - FIRST_WORDS} more"
