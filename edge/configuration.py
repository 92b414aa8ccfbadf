"""How a command reads its TOML file: closed frozen models, and errors that name the key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo


class SettingsModel(BaseModel):
    """A table of a configuration file: frozen, unknown keys are errors, defaults are checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


def _beside_the_file(path: Path, info: ValidationInfo) -> Path:
    folder: Path | None = (info.context or {}).get("folder")
    return path if folder is None else folder / path


ConfiguredPath = Annotated[Path, AfterValidator(_beside_the_file)]
"""A path in a configuration file; a relative one starts at the folder of that file."""


class ConfigurationError(ValueError):
    """A configuration that cannot be used; the text names the file and each wrong key."""


Settings = TypeVar("Settings", bound=BaseModel)


def read_configuration(path: Path, model: type[Settings]) -> Settings:
    """Return the settings that a TOML file holds.

    Raises
    ------
    ConfigurationError
        The file cannot be read, is not TOML, or a key is missing, unknown or has a wrong value.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); give the path of the configuration file"
        raise ConfigurationError(msg) from None
    except ValueError as error:
        msg = f"{path}: not TOML in UTF-8: {error}"
        raise ConfigurationError(msg) from None
    return parse_configuration(text, path, model)


def parse_configuration(text: str, path: Path, model: type[Settings]) -> Settings:
    """Return the settings that a text holds, as it stands at ``path`` or would; raises as ``read_configuration``."""
    try:
        tables = tomllib.loads(text)
    except ValueError as error:
        msg = f"{path}: not TOML in UTF-8: {error}"
        raise ConfigurationError(msg) from None
    return check_tables(tables, path, model)


def check_tables(tables: dict[str, Any], path: Path, model: type[Settings]) -> Settings:
    """Return the settings that tables hold, as they stand at ``path`` or would.

    Raises
    ------
    ConfigurationError
        A key is missing, unknown or has a wrong value.
    """
    try:
        return model.model_validate(tables, context={"folder": path.parent})
    except ValidationError as error:
        msg = "\n".join(
            f"{path}: {_key(line['loc'], tables)}: {line['msg']}" for line in error.errors(include_url=False)
        )
        raise ConfigurationError(msg) from None


def _key(location: tuple[Any, ...], tables: Any) -> str:
    """Return a key as a reader of the file would write it: broker.host, source[0].path."""
    text = ""
    for part in location:
        if isinstance(tables, dict) and part not in tables and part in (tables.get("kind"), tables.get("mode")):
            continue  # pydantic names the member of a union here, which is no key of the file
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
        try:
            tables = tables[part]
        except (KeyError, IndexError, TypeError):
            tables = None
    return text or "(file)"
