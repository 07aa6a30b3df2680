"""Makes a treemap: an HTML page that shows the sizes of a bundle's files by owner."""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT = 1200.0, 760.0
_HEAD = 16.0
_SMALLEST = 26.0
_COLOURS = 9


@dataclass(frozen=True)
class Rectangle:
    """A rectangle on the page, in pixels."""

    x: float
    y: float
    width: float
    height: float


def page(title: str, owners: Mapping[str, Mapping[str, int]]) -> str:
    """Return a self-contained HTML page for *owners*: sizes in bytes by owner and file."""
    totals = {owner: sum(files.values()) for owner, files in owners.items() if any(files.values())}
    whole = sum(totals.values())
    boxes = []
    placed = squarify(totals, Rectangle(0, 0, _WIDTH, _HEIGHT))
    for number, (owner, place) in enumerate(placed):
        share = f"{owner}: {_shown(totals[owner])}, {totals[owner] / whole:.1%}"
        boxes.append(_box(place, f"c{number % _COLOURS} owner", share, owner))
        inner = Rectangle(
            place.x + 1, place.y + _HEAD, max(place.width - 2, 0),
            max(place.height - _HEAD - 1, 0),
        )  # fmt: skip
        for name, spot in squarify(owners[owner], inner):
            boxes.append(_box(spot, "file", f"{name}: {_shown(owners[owner][name])}", name))
    heading = html.escape(f"{title}: {_shown(whole)}")
    return _PAGE.format(
        title=heading, boxes="\n".join(boxes), width=f"{_WIDTH:.0f}", height=f"{_HEIGHT:.0f}"
    )


def squarify(sizes: Mapping[str, int], area: Rectangle) -> Iterator[tuple[str, Rectangle]]:
    """Yield a rectangle for each size, largest first, as square as possible.

    The algorithm: Bruls, Huizing, van Wijk, "Squarified treemaps" (2000).
    """
    items = sorted(((n, s) for n, s in sizes.items() if s), key=lambda item: (-item[1], item[0]))
    if not items or area.width <= 0 or area.height <= 0:
        return
    while items:
        # By what is left of the area, so that rounding errors do not add up.
        scale = area.width * area.height / sum(size for _, size in items)
        side = min(area.width, area.height)
        row: list[tuple[str, int]] = []
        while items and (
            not row or _worst([*row, items[0]], side, scale) <= _worst(row, side, scale)
        ):
            row.append(items.pop(0))
        yield from _lay(row, area, scale)
        thick = sum(size for _, size in row) * scale / side if side else 0
        if area.width >= area.height:
            area = Rectangle(area.x + thick, area.y, area.width - thick, area.height)
        else:
            area = Rectangle(area.x, area.y + thick, area.width, area.height - thick)


def _worst(row: Sequence[tuple[str, int]], side: float, scale: float) -> float:
    """Return the worst aspect ratio in a row."""
    total = sum(size for _, size in row) * scale
    if not side or not total:
        return float("inf")
    largest, least = row[0][1] * scale, row[-1][1] * scale
    return max(side**2 * largest / total**2, total**2 / (side**2 * least))


def _lay(
    row: Sequence[tuple[str, int]], area: Rectangle, scale: float
) -> Iterator[tuple[str, Rectangle]]:
    side = min(area.width, area.height)
    total = sum(size for _, size in row)
    thick = total * scale / side if side else 0
    at = 0.0
    for name, size in row:
        length = side * size / total
        if area.width >= area.height:
            yield name, Rectangle(area.x, area.y + at, thick, length)
        else:
            yield name, Rectangle(area.x + at, area.y, length, thick)
        at += length


def _box(place: Rectangle, kind: str, title: str, label: str) -> str:
    shown = html.escape(label) if place.width > _SMALLEST and place.height > _HEAD - 4 else ""
    return (
        f'<div class="{kind}" title="{html.escape(title)}" style="left:{place.x:.1f}px;'
        f'top:{place.y:.1f}px;width:{place.width:.1f}px;height:{place.height:.1f}px">{shown}</div>'
    )


def _shown(size: int) -> str:
    return f"{size / 1e6:.2f} MB" if size >= 10_000 else f"{size} bytes"  # noqa: PLR2004  # readable


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 13px system-ui, sans-serif; margin: 1rem; background: Canvas; color: CanvasText;
  color-scheme: light dark }}
h1 {{ font-size: 1.1rem; margin: 0 0 .7rem }}
main {{ position: relative; width: {width}px; height: {height}px }}
div {{ position: absolute; box-sizing: border-box; overflow: hidden; white-space: nowrap;
  text-overflow: ellipsis; padding: 1px 3px; font-size: 11px; line-height: 13px }}
.owner {{ font-weight: 600; border: 1px solid Canvas; color: #111 }}
.file {{ background: #fff5; border: 1px solid #0002; color: #111; font-size: 10px }}
.file:hover {{ background: #fffb }}
.c0 {{ background: #8ecae6 }} .c1 {{ background: #ffb703 }} .c2 {{ background: #90be6d }}
.c3 {{ background: #f4978e }} .c4 {{ background: #cdb4db }} .c5 {{ background: #e9c46a }}
.c6 {{ background: #a3b18a }} .c7 {{ background: #bde0fe }} .c8 {{ background: #d5bdaf }}
</style></head><body><h1>{title}</h1><main>
{boxes}
</main></body></html>
"""
