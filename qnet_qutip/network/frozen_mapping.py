"""A mapping that is a value."""

from __future__ import annotations

from collections.abc import Hashable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import TypeVar

from qnet_qutip.wording import listed

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class FrozenMapping(Mapping[Key, Value]):
    """A mapping that cannot be changed, keeps its order, hashes and pickles."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[Key, Value]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, key: Key) -> Value:
        try:
            return self._entries[key]
        except KeyError:
            raise KeyError(f"{key!r} is none of [{listed(list(map(repr, self._entries)))}]") from None

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    # Those of the dictionary: the views of `Mapping` look every key up anew.
    def keys(self) -> KeysView[Key]:
        """As of a dictionary."""
        return self._entries.keys()

    def values(self) -> ValuesView[Value]:
        """As of a dictionary."""
        return self._entries.values()

    def items(self) -> ItemsView[Key, Value]:
        """As of a dictionary."""
        return self._entries.items()

    def __hash__(self) -> int:
        return hash(frozenset(self._entries.items()))

    def __repr__(self) -> str:
        """As of a dictionary; of many entries the first few, and how many more there are."""
        return f"{{{listed([f'{key!r}: {value!r}' for key, value in self.items()])}}}"

    def _ipython_key_completions_(self) -> list[Key]:
        return list(self)
