"""Where Ray's authentication token lies, and when Ray's client sends it.

A server that was started with token authentication answers 401 to a client without the token. Ray's client reads the
token only if `RAY_AUTH_MODE=token` is set, so a token that lies ready in `~/.ray/auth_token` is not sent by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from common.errors import UserError

MODE, TOKEN, TOKEN_PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"


class TokenError(UserError):
    """A cluster that wants a token which this process does not have."""


def find(env: Mapping[str, str], home: Path) -> str | None:
    """Where the token lies, in the order in which Ray looks; None where there is none. Never the token itself."""
    if env.get(TOKEN):
        return TOKEN
    if path := env.get(TOKEN_PATH):
        if not _holds_text(Path(path)):
            raise TokenError(f"{TOKEN_PATH} names {path}, which is empty or unreadable", f"mend or unset {TOKEN_PATH}")
        return path
    default = home / ".ray" / "auth_token"
    return str(default) if _holds_text(default) else None


def wanted(env: Mapping[str, str], home: Path) -> dict[str, str]:
    """What has to be set for Ray's client to send the token: nothing where the user chose a mode, or has no token."""
    if MODE in env or find(env, home) is None:
        return {}
    return {MODE: "token"}


def remedy(status: int) -> str:
    """How to get the token, for a server that answered 401 (none came) or 403 (another one came)."""
    fetch = "`ray exec ray-cluster.yaml 'ray get-auth-token'` (or `ray get-auth-token` on the head) prints it"
    place = f"put it into ~/.ray/auth_token, or {TOKEN}"
    return f"{fetch}; {place}" + ("" if status == 401 else ", in place of the one that is there")


def _holds_text(path: Path) -> bool:
    try:
        return bool(path.read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return False
