"""Ed25519 signatures (RFC 8032) by the system's ``openssl`` program, since the standard library has none."""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

from edge.onboarding.wording import Words
from edge.update.manifest import SIGNATURE_BYTES
from edge.update.problems import ReleaseDelayed

_TIMEOUT_S = 60.0
_ED25519 = bytes.fromhex("302a300506032b6570032100")
"""How a public key in DER begins (RFC 8410); 32 bytes follow."""
_KEY_BYTES = 32
_KNOWN_KEY = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
_KNOWN_MESSAGE = b"r"
_KNOWN_SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
"""The second test of RFC 8032, section 7.1."""
_INSTALL = Words("install OpenSSL 3 (apt install openssl)", "请安装 OpenSSL 3（apt install openssl）")
_GIVE_KEY = Words(
    "put the platform's public release key there (PEM, -----BEGIN PUBLIC KEY-----)",
    "请把平台的版本公钥放到该处（PEM，-----BEGIN PUBLIC KEY-----）",
)


def openssl_program() -> str:
    """Return where the program is.

    Raises
    ------
    ReleaseDelayed
        It is not installed.
    """
    program = shutil.which("openssl")
    if program is None:
        raise ReleaseDelayed(
            Words("there is no openssl program to check signatures with", "没有用于校验签名的 openssl 程序"), _INSTALL
        )
    return program


def check_release_key(key: Path, owners: Collection[int] | None = None) -> None:
    """Return where the file is a public key that releases can be checked with, and nobody but root can replace it.

    Raises
    ------
    ReleaseDelayed
        It is not, with what to do.
    """
    check_trusted(key, owners)
    try:
        text = key.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        problem = Words("{file} cannot be read ({error})", "无法读取 {file}（{error}）")
        raise ReleaseDelayed(problem.format(file=key, error=_reason(error)), _GIVE_KEY) from None
    if not _is_ed25519(text):
        problem = Words("{file} is no public Ed25519 key", "{file} 不是 Ed25519 公钥")
        raise ReleaseDelayed(problem.format(file=key), _GIVE_KEY)


def check_trusted(path: Path, owners: Collection[int] | None = None) -> None:
    """Return where only some users can change a file or put another in its place.

    Parameters
    ----------
    owners
        Numbers of those users; root and this user unless given.

    Raises
    ------
    ReleaseDelayed
        Somebody else can, or the file is not there.
    """
    trusted = {0, os.geteuid()} if owners is None else owners
    real = Path(os.path.realpath(path))
    for place in (real, *real.parents):
        try:
            state = place.stat()
        except OSError as error:
            problem = Words("{file} cannot be read ({error})", "无法读取 {file}（{error}）")
            fix = Words("check the path, and that the file is there", "请检查路径，并确认文件存在")
            raise ReleaseDelayed(problem.format(file=place, error=_reason(error)), fix) from None
        sticky = place.is_dir() and state.st_mode & 0o1000
        if state.st_uid not in trusted or (state.st_mode & 0o022 and not sticky):
            problem = Words(
                "somebody else than root can change {file}, so what it says cannot be trusted",
                "root 以外的用户可以改动 {file}，其内容不可信",
            )
            fix = Words("chown root {file}; chmod go-w {file}", "chown root {file}; chmod go-w {file}")
            raise ReleaseDelayed(problem.format(file=place), fix.format(file=place))


def is_signed(message: bytes, signature: bytes, key: Path) -> bool:
    """Tell whether a signature of a message is by the holder of a public key.

    Raises
    ------
    ReleaseDelayed
        That cannot be found out on this device.
    """
    if len(signature) != SIGNATURE_BYTES:
        return False
    with tempfile.TemporaryDirectory(prefix="smartstore-release-") as folder:
        signed, given = Path(folder, "message"), Path(folder, "signature")
        signed.write_bytes(message)
        given.write_bytes(signature)
        verify = ["pkeyutl", "-verify", "-pubin", "-inkey", str(key), "-rawin"]
        done = run_openssl([*verify, "-in", str(signed), "-sigfile", str(given)])
    said = done.stdout + done.stderr
    if done.returncode == 0 and "Signature Verified Successfully" in said:
        return True
    if "Signature Verification Failure" in said:
        return False
    problem = Words("openssl cannot check the signature: {said}", "openssl 无法校验签名：{said}")
    raise ReleaseDelayed(problem.format(said=" ".join(said.split())[:200]), _INSTALL)


def check_openssl() -> None:
    """Return where the program knows a signature that is known to be good.

    Raises
    ------
    ReleaseDelayed
        It is missing, or too old to check signatures.
    """
    with tempfile.TemporaryDirectory(prefix="smartstore-release-") as folder:
        key = Path(folder, "key")
        pem = base64.b64encode(_ED25519 + _KNOWN_KEY).decode()
        key.write_text(f"-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n", encoding="ascii")
        if not is_signed(_KNOWN_MESSAGE, _KNOWN_SIGNATURE, key):
            raise ReleaseDelayed(Words("openssl cannot check signatures", "openssl 无法校验签名"), _INSTALL)


def run_openssl(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run the program; raises ``ReleaseDelayed`` where it is missing or does not end."""
    program = openssl_program()
    try:
        return subprocess.run(  # noqa: S603 - the system's program, with arguments of ours
            [program, *arguments],
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = Words("{program} cannot be run ({error})", "无法运行 {program}（{error}）")
        raise ReleaseDelayed(problem.format(program=program, error=_reason(error)), _INSTALL) from None


def _is_ed25519(pem: str) -> bool:
    lines = pem.strip().splitlines()
    if len(lines) < 3 or (lines[0], lines[-1]) != ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"):
        return False
    try:
        key = base64.b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error:
        return False
    return key.startswith(_ED25519) and len(key) == len(_ED25519) + _KEY_BYTES


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
