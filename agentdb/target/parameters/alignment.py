"""Two trees side by side: which literal of the one stands where the other has `$n`."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping

from agentdb.target.syntax import Node, find, pb, strings

Value = str | tuple[str | None, ...] | None


def captured(
    pattern: pb.Node, example: pb.Node, squashed: Collection[int] = ()
) -> Mapping[int, Value]:
    """Return the literals of `example` by the number of the parameter they stand for.

    A squashed list gives a tuple. What is no literal in the example is left out.
    """
    found: dict[int, list[str | None]] = {}
    for mine, theirs in _leaves(pattern, example):
        if mine.HasField("param_ref"):
            found.setdefault(mine.param_ref.number, []).extend(literal(theirs))
    return {
        number: tuple(texts) if number in squashed else texts[0]
        for number, texts in found.items()
        if texts
    }


def literal(node: pb.Node) -> tuple[str | None, ...]:
    """Return the text of a literal (None for NULL) as a tuple of one; empty when it is none."""
    inner = node.type_cast.arg if node.HasField("type_cast") else node
    return (_text(inner.a_const),) if inner.HasField("a_const") else ()


def _text(constant: pb.A_Const) -> str | None:
    if constant.HasField("ival"):
        return str(constant.ival.ival)
    if constant.HasField("boolval"):
        return "true" if constant.boolval.boolval else "false"
    if constant.HasField("bsval"):
        return str(constant.bsval.bsval)  # b101 or x1F, as a bit string's input takes it
    if constant.isnull:
        return None
    return str(constant.fval.fval or constant.sval.sval)


def join_groups(tree: pb.Node) -> None:
    """Give equal expressions of select list, GROUP BY, ORDER BY and DISTINCT equal parameters.

    pg_stat_statements numbers every literal on its own, or keeps one copy as a literal:
    `SELECT date_trunc($1, at) … GROUP BY date_trunc('day', at)` could not be prepared.
    """
    for select in find(tree, pb.SelectStmt):
        anchors = list(_anchors(select))
        if anchors and any(_is_open(anchor) for anchor in (*anchors, *_repeated(select))):
            _join(anchors, [node for part in _repeated(select) for node in _expressions(part)])


def _join(anchors: list[pb.Node], nodes: list[pb.Node]) -> None:
    by_form: dict[Hashable, list[pb.Node]] = {}
    for anchor in anchors:
        by_form.setdefault(_form(anchor), []).append(anchor)
    seen: dict[Hashable, int] = {}
    for node in nodes:
        form = _form(node)
        if form not in by_form or any(node is anchor for anchor in by_form[form]):
            continue
        number = seen[form] = seen.get(form, -1) + 1
        _share(by_form[form][number % len(by_form[form])], node)


def _share(anchor: pb.Node, node: pb.Node) -> None:
    for mine, theirs in list(_leaves(anchor, node)):
        if theirs.HasField("param_ref"):
            theirs.CopyFrom(mine)
        elif mine.HasField("param_ref"):
            mine.CopyFrom(theirs)


def _anchors(select: pb.SelectStmt) -> Iterator[pb.Node]:
    """Return what is grouped by, or made distinct: expressions that others have to equal."""
    for node in select.group_clause:
        sets = node.grouping_set.content if node.HasField("grouping_set") else [node]
        yield from (_meant(select, item) for item in sets)
    targets = [target.res_target.val for target in select.target_list]
    for node in select.distinct_clause:
        yield from [node] if node.WhichOneof("node") else targets


def _meant(select: pb.SelectStmt, node: pb.Node) -> pb.Node:
    """`GROUP BY 2` and `GROUP BY alias` mean an expression of the select list."""
    targets = [target.res_target for target in select.target_list]
    if node.HasField("a_const") and 0 < node.a_const.ival.ival <= len(targets):
        return targets[node.a_const.ival.ival - 1].val
    names = strings(list(node.column_ref.fields)) if node.HasField("column_ref") else ()
    named = (target.val for target in targets if names == (target.name,))
    return next(named, node)


def _repeated(select: pb.SelectStmt) -> Iterator[pb.Node]:
    yield from (target.res_target.val for target in select.target_list)
    yield select.having_clause
    yield from (node.sort_by.node for node in select.sort_clause)


def _is_open(node: pb.Node) -> bool:
    return next(find(node, pb.ParamRef), None) is not None


def _expressions(node: Node) -> Iterator[pb.Node]:
    """Return every node with something to fill in, outermost first."""
    if isinstance(node, pb.Node) and not _is_leaf(node) and node.WhichOneof("node"):
        yield node
    for descriptor, value in node.ListFields():
        if descriptor.type == descriptor.TYPE_MESSAGE:
            for child in (value,) if isinstance(value, Node) else value:
                yield from _expressions(child)


def _is_leaf(node: Node) -> bool:
    return isinstance(node, pb.Node) and (node.HasField("param_ref") or node.HasField("a_const"))


def _form(node: Node) -> Hashable:
    """Return what is left of an expression when literals and places in the text are forgotten."""
    if _is_leaf(node):
        return "?"
    return (
        type(node).__name__,
        tuple(
            (field.name, _form_of(value))
            for field, value in node.ListFields()
            if field.name != "location"
        ),
    )


def _form_of(value: object) -> Hashable:
    if isinstance(value, Node):
        return _form(value)
    if isinstance(value, str | int | float | bytes):
        return value
    return tuple(_form_of(item) for item in value)  # type: ignore[attr-defined] # repeated field


def _leaves(mine: Node, theirs: Node) -> Iterator[tuple[pb.Node, pb.Node]]:
    """Walk two trees in step; return the pairs where either has a parameter or a literal."""
    if isinstance(mine, pb.Node) and isinstance(theirs, pb.Node):
        if mine.HasField("param_ref") or (_is_leaf(mine) and _is_leaf(theirs)):
            yield mine, theirs
            return
        if theirs.HasField("param_ref"):
            yield mine, theirs
            return
    for descriptor, value in mine.ListFields():
        if descriptor.type == descriptor.TYPE_MESSAGE and type(mine) is type(theirs):
            yield from _pairs(value, getattr(theirs, descriptor.name))


def _pairs(mine: object, theirs: object) -> Iterator[tuple[pb.Node, pb.Node]]:
    if isinstance(mine, Node) and isinstance(theirs, Node):
        yield from _leaves(mine, theirs)
        return
    ours, others = list(mine), list(theirs)  # type: ignore[call-overload] # repeated fields
    if len(ours) == 1 and _is_leaf(ours[0]):  # a squashed list has one item left
        ours = ours * len(others)
    for one, other in zip(ours, others, strict=False):
        yield from _leaves(one, other)
