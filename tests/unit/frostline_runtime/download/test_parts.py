"""The files beside a download."""

from pathlib import Path

from frostline_runtime.download import parts


def test_the_names(tmp_path: Path) -> None:
    """All lie beside the file; the lock and the stamp are hidden."""
    place = tmp_path / "model.gguf"
    names = ("part_of", "sidecar_of", "bad_of", "lock_of", "stamp_of")
    found = [getattr(parts, name)(place).relative_to(tmp_path).as_posix() for name in names]
    assert found == [
        "model.gguf.part", "model.gguf.part.json", "model.gguf.bad", ".model.gguf.lock",
        ".model.gguf.verified",
    ]  # fmt: skip


def test_nothing_is_left_of_a_forgotten_file(tmp_path: Path) -> None:
    """Other files stay; what is missing already does not matter."""
    place = tmp_path / "model.gguf"
    files = (place, parts.part_of(place), parts.sidecar_of(place), parts.bad_of(place),
             parts.lock_of(place), parts.stamp_of(place))  # fmt: skip
    for path in (*files, tmp_path / "other"):
        path.touch()
    parts.forget(place)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    parts.forget(place)


def test_what_is_kept(tmp_path: Path) -> None:
    """The size of the part counts, 0 if there is none."""
    place = tmp_path / "model.gguf"
    assert parts.kept(place) == 0
    parts.part_of(place).write_bytes(b"1234")
    assert parts.kept(place) == 4


def test_notes_that_cannot_be_read(tmp_path: Path) -> None:
    """They are as good as none."""
    file = tmp_path / "notes.json"
    assert parts.read_json(file) == {}
    for text, found in (("{", {}), ("[1]", {}), ('{"é": 1}', {"é": 1})):
        file.write_text(text, encoding="utf-8")
        assert parts.read_json(file) == found
