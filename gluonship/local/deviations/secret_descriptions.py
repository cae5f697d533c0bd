"""UpdateSecret with an empty Description takes a secret's description away. moto keeps the old one.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecret.html
"""

from __future__ import annotations

import functools
from typing import Any

from moto.secretsmanager.models import SecretsManagerBackend


def apply() -> None:
    SecretsManagerBackend.update_secret = _taking_away(SecretsManagerBackend.update_secret)


def _taking_away(update: Any) -> Any:
    @functools.wraps(update)
    def update_all(self: Any, secret_id: str, *args: Any, **kwargs: Any) -> Any:
        answer = update(self, secret_id, *args, **kwargs)
        if kwargs.get("description") == "":
            self.secrets[secret_id].description = ""
        return answer

    return update_all
