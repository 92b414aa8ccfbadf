"""The folder of releases: two links that always lead somewhere, and nothing that is needed is ever removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.update.layout import Layout
from edge.update.problems import ReleaseDelayed


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    for version in ("1.0.0", "1.1.0", "1.2.0", "1.3.0"):
        program = layout.program(version)
        program.parent.mkdir(parents=True)
        program.touch(0o755)
    layout.make_current("1.0.0")
    layout.make_proven("1.0.0")
    return layout


def test_links_are_exchanged(layout: Layout) -> None:
    layout.make_current("1.1.0")
    assert (layout.current, layout.proven) == ("1.1.0", "1.0.0")
    assert (layout.root / "current").readlink() == Path("versions/1.1.0")
    assert (layout.root / "current" / "bin" / "smartstore-edge").exists()
    layout.make_proven("1.1.0")
    assert (layout.current, layout.proven) == ("1.1.0", "1.1.0")


def test_what_a_kill_left_is_no_hindrance(layout: Layout) -> None:
    (layout.root / "current.new").symlink_to("versions/1.3.0")
    layout.make_current("1.1.0")
    assert layout.current == "1.1.0"
    assert not (layout.root / "current.new").is_symlink()


def test_no_link_leads_to_what_is_not_there(layout: Layout) -> None:
    with pytest.raises(FileNotFoundError):
        layout.make_current("9.9.9")
    assert layout.current == "1.0.0"


def test_versions_that_nobody_needs_are_removed(layout: Layout) -> None:
    layout.make_current("1.2.0")
    layout.remove_others({"1.1.0", None})
    assert sorted(path.name for path in (layout.root / "versions").iterdir()) == ["1.0.0", "1.1.0", "1.2.0"]


@pytest.mark.parametrize("target", [None, "/opt/1.0.0", "versions/latest", "versions/../versions/1.0.0", "elsewhere"])
def test_a_folder_that_is_not_laid_out_is_left_alone(layout: Layout, target: str | None) -> None:
    (layout.root / "current").unlink()
    if target is not None:
        (layout.root / "current").symlink_to(target)
    with pytest.raises(ReleaseDelayed, match="is no link to versions/<version>"):
        _ = layout.current
    with pytest.raises(ReleaseDelayed):
        layout.remove_others(set())
    assert layout.program("1.3.0").exists()


def test_two_do_not_update_at_once(layout: Layout) -> None:
    with layout.locked(), pytest.raises(ReleaseDelayed, match="another update is under way"), layout.locked():
        pass
    with layout.locked():
        pass


def test_a_folder_that_is_not_ours_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReleaseDelayed, match="cannot be written"), Layout(tmp_path / "absent").locked():
        pass
