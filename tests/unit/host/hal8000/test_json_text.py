from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from hal_image.host.hal8000 import json_text

VALUE = {"status": "ready", "cached": {"sdxl": "6.94 GB", "größe": "ü"}, "tested": True, "none": {}, "list": [1, "a"]}
BLANKS = ("", "", " ", "  ", "\t", "\n", "\n  ", "\r\n", "\n\n    ", " \n\t")
WORDS = ("name", "tools", "a b", "ü", "\u2028", 'quote"d', "back\\slash", "", "{", "],", "🙂", "image-generation:")


class OddDocument:
    """Writes a random JSON object in a random and inconsistent style, as people and programs together make one."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.blanks = self.chance.choice([BLANKS, ("",), (" ",), ("\n", "\n  ")])

    def text(self, own: dict[str, Any] | None = None) -> str:
        """The document; ``own`` are members that it has in any case."""
        bom = self.chance.choice(["", "", "\ufeff"])
        return bom + self.blank() + self.object(0, own) + self.blank()

    def blank(self) -> str:
        return self.chance.choice(self.blanks)

    def value(self, depth: int) -> str:
        kind = self.chance.randrange(7 if depth < 4 else 5)
        if kind == 0:
            return self.chance.choice(["0", "-0.0", "1E+400", "1" * 5000, "-17", "3.140"])
        if kind == 1:
            return self.chance.choice(["true", "false", "null"])
        if kind < 5:
            return self.string(self.chance.choice(WORDS))
        if kind == 6:
            return self.object(depth + 1)
        items = [self.blank() + self.value(depth + 1) + self.blank() for _ in range(self.chance.randrange(4))]
        return f"[{','.join(items) or self.blank()}]"

    def object(self, depth: int, own: dict[str, Any] | None = None) -> str:
        members = [(key, self.value(depth)) for key in self.chance.sample(WORDS, self.chance.randrange(5))]
        if members and self.chance.random() < 0.1:
            members.append(members[0])  # a key twice is legal JSON, and none of our business
        members += [
            (key, json.dumps(value, indent=self.chance.choice([None, 4]))) for key, value in (own or {}).items()
        ]
        self.chance.shuffle(members)
        texts = [
            f"{self.blank()}{self.string(key)}{self.blank()}:{self.blank()}{value}{self.blank()}"
            for key, value in members
        ]
        return f"{{{','.join(texts) or self.blank()}}}"

    def string(self, text: str) -> str:
        return json.dumps(text, ensure_ascii=self.chance.random() < 0.5)


def numbers_as_text(text: str) -> Any:
    """What a document says, with every member of every object in its order."""
    return json.loads(text.removeprefix("\ufeff"), parse_int=str, parse_float=str, object_pairs_hook=list)


@pytest.mark.parametrize("seed", range(150))
def test_a_member_comes_and_goes_and_every_other_byte_stays(seed: int) -> None:
    text = OddDocument(seed).text()
    inside = json_text.blanks_inside(text, ())
    put = json_text.with_member(text, (), "new", VALUE)
    assert numbers_as_text(put)[:-1] == numbers_as_text(text)
    assert json_text.value(put, (), "new") == VALUE
    assert json_text.with_member(put, (), "new", VALUE) == put
    changed = json_text.with_member(put, (), "new", "a string")
    source = json_text.source(put, (), "new")
    assert source is not None
    assert json_text.with_source(changed, (), "new", source) == put
    assert json_text.without_member(put, (), "new", inside or "") == text


@pytest.mark.parametrize("seed", range(150))
def test_it_goes_also_when_others_have_come_after_it(seed: int) -> None:
    text = OddDocument(seed).text()
    put = json_text.with_member(json_text.with_member(text, (), "new", VALUE), (), "later", [1])
    without = json_text.without_member(put, (), "new")
    assert numbers_as_text(without) == [*numbers_as_text(text), ("later", ["1"])]


@pytest.mark.parametrize("seed", range(100))
def test_members_deep_inside_are_found_by_position(seed: int) -> None:
    inner = OddDocument(seed).text().removeprefix("\ufeff")
    text = f'{{"a": {{"b" :{inner}, "c": 1}}}}'
    assert json_text.source(text, ("a",), "b") == inner.strip()
    put = json_text.with_member(text, ("a", "b"), "new", VALUE)
    blanks = json_text.blanks_inside(text, ("a", "b"))
    assert json_text.without_member(put, ("a", "b"), "new", blanks or "") == text


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("", (), "no JSON"),
        ("{", (), "no JSON"),
        ('{"a": 1,}', (), "line 1"),
        ('{\n  // why\n  "a": 1}', (), "line 2, column 3"),
        ("{} {}", (), "something follows the end (line 1, column 4)"),
        ("[]", (), "no JSON object"),
        ('"text"', (), "no JSON object"),
        ('{"a": [1]}', ("a",), "a is no object (line 1, column 7)"),
        ('{"a": {}, "a": {}}', ("a",), '"a" is there 2 times in one object'),
        ('{"a": "\t"}', (), "no JSON"),
        ("[" * 100_000, (), "nested too deeply"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, path: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        json_text.find(text, path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("{}\n", (), '{\n  "k": {\n    "a": 1\n  }\n}\n'),
        ('{"x": 1}', (), '{"x": 1, "k": {"a": 1}}'),
        ('{"x":1}', (), '{"x":1,"k":{"a":1}}'),
        ('{\n\t"x": 1\n}', (), '{\n\t"x": 1,\n\t"k": {\n\t\t"a": 1\n\t}\n}'),
        (
            '{\r\n    "x": {}\r\n}',
            ("x",),
            '{\r\n    "x": {\r\n        "k": {\r\n            "a": 1\r\n        }\r\n    }\r\n}',
        ),
        ('{\n  "x": {"y" : 1}\n}', ("x",), '{\n  "x": {"y" : 1, "k" : {"a" : 1}}\n}'),
        ('{\n  "x": 1,\n\n\n  "y": 2\n}', (), '{\n  "x": 1,\n\n\n  "y": 2,\n  "k": {\n    "a": 1\n  }\n}'),
    ],
)
def test_new_text_is_written_as_that_around_it(text: str, path: tuple[str, ...], expected: str) -> None:
    assert json_text.with_member(text, path, "k", {"a": 1}) == expected


def test_equal_values_are_left_as_they_are_written_and_one_is_not_true() -> None:
    text = '{"a": [ 1,\n 2], "b": 1}'
    assert json_text.with_member(text, (), "a", [1, 2]) == text
    assert json_text.with_member(text, (), "b", value=True) == '{"a": [ 1,\n 2], "b": true}'


def test_every_place_of_a_key_is_found() -> None:
    text = '{"k": {"k": 1}, "a": {"k": 2, "b": {"k": 3}}, "list": [{"k": 4}]}'
    assert sorted(json_text.paths_to(text, "k")) == [(), ("a",), ("a", "b")]


def test_what_is_not_there() -> None:
    assert json_text.find("{}", ("a",)) is None
    assert json_text.source("{}", ("a",), "b") is None
    assert json_text.without_member("{}", ("a",), "b") == "{}"
    with pytest.raises(KeyError):
        json_text.with_member("{}", ("a",), "b", 1)
    with pytest.raises(KeyError):
        json_text.with_source("{}", (), "b", "1")
