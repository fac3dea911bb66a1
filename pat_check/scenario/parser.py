"""From the text of a scenario to its statements, or to the first thing that is wrong with it.

The language is defined by ``grammars/pat.lark``, and so is what its terminals are called in messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from pat_check.scenario.statements import (
    UNWRITTEN,
    Binary,
    Bit,
    Checkpoint,
    Claim,
    Declare,
    Expect,
    Expression,
    Ignore,
    Name,
    Number,
    Operation,
    Range,
    Scenario,
    Statement,
    Text,
    Word,
)
from pat_check.scenario.words import KEYWORDS, ScenarioError, explained, mistyped, no_statement
from pat_check.sources import grammar

if TYPE_CHECKING:
    import lark

    Tree: TypeAlias = lark.Tree[lark.Token]
    Node: TypeAlias = Tree | lark.Token
    Line: TypeAlias = tuple[int, int, str, list[Claim]]

_RESERVED = frozenset((*KEYWORDS, "at", "offset", "none", "not", "pfn", "size"))
_DEEPEST = 50  # blocks in blocks, parentheses in parentheses
_LONGEST = 200  # operators in a row

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "PAGE": 1 << 12, "PAGES": 1 << 12}
_NUMBER = re.compile(r"(0x[0-9A-Fa-f]+|[0-9]+)[ \t]*([A-Za-z]*)")
_TITLE = re.compile(r"[ \t]*#+(?![ \t]*pat-check:)(.*)", re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')


def parse(text: str, path: str) -> Scenario:
    """The statements of a scenario; `path` stands in messages. Raises ScenarioError for the first error."""
    tree, lines = read(text, path)
    title = next((match[1].strip() for match in map(_TITLE.match, lines) if match is not None), "")
    return Scenario(path, _Builder(path, lines).statements(tree.children, 0), title, len(lines))


def read(text: str, path: str) -> tuple[Tree, list[str]]:
    """The parse tree, which holds every token and comment, and the lines without their ends."""
    import lark  # noqa: PLC0415

    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    lines = text.removesuffix("\n").split("\n")
    try:
        return grammar.parse("pat", "\n".join((*lines, ""))), lines
    except lark.UnexpectedInput as error:
        message, at, column = explained(error, lines)
    raise ScenarioError(message, path, at, column, lines[at - 1])


class _Builder:
    """Makes the statements of one scenario from its parse tree."""

    def __init__(self, path: str, lines: list[str]) -> None:
        self._path, self._lines = path, lines

    def _wrong(self, message: str, token: lark.Token) -> ScenarioError:
        at, column = _place(token)
        return ScenarioError(message, self._path, at, column, self._lines[at - 1])

    # --- lines ------------------------------------------------------------------------------------------------

    def statements(self, nodes: Iterable[Node], depth: int) -> list[Statement]:
        """The statements of lines and blocks; a remark stands before the statement that shares its line."""
        statements: list[Statement] = []
        for tree in map(_tree, nodes):
            if tree.data == "remark":
                statements += self._remarks([tree])
            elif tree.data == "statement":
                head, *ends = map(_tree, tree.children)
                statements += (*self._remarks(ends), self._statement(head, ends, depth))
            else:
                statements += self._block(tree, depth)
        return statements

    def _block(self, tree: Tree, depth: int) -> Iterator[Statement]:
        opening, *items, closing = map(_tree, tree.children)
        head, brace, *rest = opening.children
        if depth == _DEEPEST:
            raise self._wrong(f"a block can stand in {_DEEPEST} others at most", _token(brace))
        ends = [_tree(node) for node in rest]
        operation = self._operation(_tree(head), ends)
        operation.body = self.statements(items, depth + 1)
        yield from (*self._remarks(ends), operation)
        yield from self._remarks(map(_tree, closing.children[1:]))

    def _remarks(self, ends: Iterable[Tree]) -> Iterator[Ignore]:
        """The remarks that are not for people only."""
        for ignore in (ignore for end in ends for ignore in end.find_data("ignore")):
            tokens = [_token(node) for node in ignore.children]
            rules = [_word(token) for token in tokens if token.type == "NAME"]
            reason = next((token.rstrip() for token in tokens if token.type == "REASON"), "")
            yield Ignore(*self._line(tokens[0], ()), rules, reason)

    def _line(self, first: lark.Token, ends: Iterable[Tree]) -> Line:
        """What every statement begins with."""
        at, column = _place(first)
        claims = [_claim(_token(node)) for end in ends if end.data == "claims" for node in end.children[1:]]
        return at, column, self._lines[at - 1], claims

    # --- statements -------------------------------------------------------------------------------------------

    def _statement(self, tree: Tree, ends: list[Tree], depth: int) -> Statement:
        if tree.data == "operation":
            operation = self._operation(tree, ends)
            meant = mistyped(operation.op, ("file", "process", "driver", "checkpoint"))
            if meant and not (depth or operation.task or operation.result):
                raise self._wrong(no_statement(operation.op, meant), _first(tree))
            return operation
        line = self._line(_first(tree), ends)
        kind, *rest = tree.children
        match tree.data:
            case "memory":
                name, _, base, _, size = rest
                return Declare(*line, str(kind), self._new(name), self._sum(base), self._sum(size))
            case "mtrr":
                base, _, size, word = rest
                return Declare(*line, str(kind), UNWRITTEN, self._sum(base), self._sum(size), _word(_token(word)))
            case "paging":
                return Declare(*line, str(kind), word=_word(_token(rest[0])))
            case "named":
                return Declare(*line, str(kind), self._new(rest[0]))
            case "checkpoint":
                return Checkpoint(*line, str(rest[0]))
        return self._expect(line, rest)

    def _new(self, node: Node) -> Word:
        """A name that the scenario gives."""
        token = _token(node)
        if token in _RESERVED:
            raise self._wrong(f"{str(token)!r} is a word of the language and no name", token)
        return _word(token)

    def _operation(self, tree: Tree, ends: list[Tree]) -> Operation:
        operation = Operation(*self._line(_first(tree), ends))
        for node in tree.children:
            match getattr(node, "data", ""):
                case "task":
                    operation.task = str(_tree(node).children[0])
                case "result":
                    operation.result = self._new(_tree(node).children[0])
                case "op":
                    operation.op = _word(_first(node))
                    if operation.op in KEYWORDS:
                        raise self._wrong(f"a statement that begins with {operation.op!r} has no task", _first(node))
                case "announced":
                    word, value = _tree(node).children
                    operation.args += (Name(str(word), _place(_token(word))[1]), self._sum(value))
                case _ if node != ",":
                    operation.args.append(self._sum(node))
        return operation

    def _expect(self, line: Line, nodes: list[Node]) -> Expect:
        """Of the nodes behind ``expect``: what is asked about, ``=``, what it shall be, in which eras."""
        what, *rest = nodes
        expect = Expect(*line, str(what))
        if _type(rest[-1]) == "ERAS":
            eras = _token(rest.pop())
            expect.eras = Word.at(eras[1:], _place(eras)[1] + 1)
        equals = next((place for place, node in enumerate(rest) if _type(node) == "EQUALS"), -1)
        if equals > 0:
            expect.subject = self._sum(rest[0])
        value, *word = rest[equals + 1 :]
        expect.none = _type(value) == "NONE"
        if expect.what in ("pte", "vm_flags") and not expect.none:
            self._entry(expect, [value, *word])
            return expect
        if expect.what == "memtypes":
            expect.ranges = [self._range(_tree(node)) for node in (value, *word) if _type(node) == "range"]
        elif expect.what == "dmesg" and not expect.none:
            expect.word = Word.at(_unquoted(str(value)), _place(_token(value))[1])
        elif expect.what == "ret" and (_type(value) == "NAME" or str(value)[:2] == "-E"):
            expect.word = _word(_token(value))
        elif not expect.none:
            expect.value = self._sum(value)
        return expect

    def _entry(self, expect: Expect, nodes: list[Node]) -> None:
        """What an entry maps, and the bits of it or of a mapping."""
        nodes = [node for node in nodes if _type(node) != "COMMA"]
        expect.pfn = _type(nodes[0]) == "PFN"
        nodes = nodes[1:] if expect.pfn else nodes
        if expect.what == "pte" and _type(nodes[0]) != "without":
            expect.value = self._sum(nodes.pop(0))
        for node in nodes:
            is_off = _type(node) == "without"
            expect.bits.append(Bit(_word(_token(_tree(node).children[1] if is_off else node)), is_off))

    def _range(self, tree: Tree) -> Range:
        _, start, _, end, _, word = tree.children
        return Range(self._sum(start), self._sum(end), _word(_token(word)))

    # --- arithmetic -------------------------------------------------------------------------------------------

    def _sum(self, node: Node, depth: int = 0) -> Expression:
        """The expression of a token, of parentheses, or of operands with operators between them."""
        if isinstance(node, str):
            return _atom(node)
        if node.data == "group":
            if depth == _DEEPEST:
                raise self._wrong(f"parentheses can stand in {_DEEPEST} others at most", _first(node))
            return self._sum(node.children[1], depth + 1)
        first, *rest = node.children
        if len(rest) > 2 * _LONGEST:
            raise self._wrong(f"an expression has {_LONGEST} operators at most", _token(rest[2 * _LONGEST]))
        value = self._sum(first, depth)
        for operator, operand in zip(rest[::2], rest[1::2], strict=True):
            value = Binary(str(operator), value, self._sum(operand, depth), value.column)
        return value


def _atom(token: lark.Token) -> Expression:
    column = _place(token)[1]
    if token.type == "TEXT":
        return Text(_unquoted(token), column)
    if token.type == "NAME" or token.startswith("-E"):
        return Name(str(token), column)
    if token.type == "ERROR":
        return Number(int(token), column, plain=True)
    match = _NUMBER.match(token)
    assert match is not None, token
    digits, unit = match.groups()
    value = int(digits, 16 if digits.startswith("0x") else 10)
    return Number(value * _UNITS[unit.upper()], column, plain=token.isdecimal())


def _word(token: lark.Token) -> Word:
    return Word.at(str(token), _place(token)[1])


def _claim(token: lark.Token) -> Claim:
    rule, at, eras = token.partition("@")
    column = _place(token)[1]
    return Claim(Word.at(rule, column), Word.at(eras, column + len(rule) + len(at)))


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1])


# --- parse trees ------------------------------------------------------------------------------------------


def _tree(node: Node) -> Tree:
    assert not isinstance(node, str), node
    return node


def _token(node: Node) -> lark.Token:
    assert isinstance(node, str), node
    return node


def _type(node: Node) -> str:
    return str(node.type if isinstance(node, str) else node.data)


def _first(node: Node) -> lark.Token:
    """The token that a node begins with."""
    while not isinstance(node, str):
        node = node.children[0]
    return node


def _place(token: lark.Token) -> tuple[int, int]:
    """The 1-based line and column of a token."""
    assert token.line is not None
    assert token.column is not None
    return token.line, token.column
