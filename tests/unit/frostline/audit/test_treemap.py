"""The rectangles of the treemap have the right areas and do not overlap."""

from hypothesis import example, given
from hypothesis import strategies as st

from frostline.audit.treemap import Rectangle, page, squarify

AREA = Rectangle(10, 20, 600, 400)


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 10**9), max_size=40))
@example({"0": 1, "00": 28945565})  # the second is far thinner than a pixel
def test_the_area_is_filled(sizes: dict[str, int]) -> None:
    """Each rectangle has its share and is inside; together they fill the area."""
    placed = dict(squarify(sizes, AREA))
    assert placed.keys() == {name for name, size in sizes.items() if size}
    whole, total = AREA.width * AREA.height, sum(sizes.values())
    for name, place in placed.items():
        share = place.width * place.height / whole
        assert abs(share - sizes[name] / total) < 1e-6
        assert place.x >= AREA.x - 1e-6
        assert place.y >= AREA.y - 1e-6
        assert place.x + place.width <= AREA.x + AREA.width + 1e-6
        assert place.y + place.height <= AREA.y + AREA.height + 1e-6


def test_none_covers_another() -> None:
    """No two rectangles overlap."""
    placed = [p for _, p in squarify({str(n): n * n + 1 for n in range(25)}, AREA)]
    for at, one in enumerate(placed):
        for other in placed[at + 1 :]:
            apart_x = one.x + one.width <= other.x + 1e-6 or other.x + other.width <= one.x + 1e-6
            apart_y = one.y + one.height <= other.y + 1e-6 or other.y + other.height <= one.y + 1e-6
            assert apart_x or apart_y


def test_the_page() -> None:
    """The page shows each size, escapes names, and loads nothing."""
    text = page("a<b", {"pkg": {"x.py": 2_000_000, "<script>": 1_000_000}, "none": {}})
    assert "a&lt;b: 3.00 MB" in text
    assert "pkg: 3.00 MB, 100.0%" in text
    assert "<script>" not in text
    assert "http" not in text
