"""What a user's script and AWS's handlers see of a request: multi-model-server's `context`, one request."""

from __future__ import annotations

from typing import Any


class _RequestProcessor:
    def __init__(self, properties: dict[str, str]) -> None:
        self._properties = properties

    def get_request_properties(self) -> dict[str, str]:
        return self._properties

    def get_request_property(self, key: str) -> str | None:
        return self._properties.get(key)


class InvocationContext:
    """The members of `mms.context.Context` that make sense outside of multi-model-server.

    Where its methods take `idx`, a request's position in a batch, there is only request 0.
    """

    def __init__(self, model_dir: str, properties: dict[str, str]) -> None:
        self.model_name = "model"
        self.manifest: dict[str, Any] = {}
        self.system_properties: dict[str, Any] = {
            "model_dir": model_dir,
            "gpu_id": None,
            "batch_size": 1,
            "server_name": "gluonship",
            "server_version": "1",
        }
        self.request_ids = {0: "0"}
        self.request_processor: list[_RequestProcessor] = [_RequestProcessor(properties)]
        self.status = 200
        self.response_headers: dict[str, str] = {}  # names in lower case

    def get_request_id(self, idx: int = 0) -> str:
        return self.request_ids[idx]

    def get_request_header(self, idx: int, key: str) -> str | None:
        """A header's value, whatever the case of its name."""
        for name, value in self.request_processor[idx].get_request_properties().items():
            if name.lower() == key.lower():
                return value
        return None

    def get_all_request_header(self, idx: int) -> dict[str, str]:
        return self.request_processor[idx].get_request_properties()

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.status = int(code)

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        self.status = int(code)

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.set_response_header(idx, "content-type", value)

    def get_response_content_type(self, idx: int) -> str | None:
        return self.response_headers.get("content-type")

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.response_headers[key.lower()] = value

    def get_response_headers(self, idx: int) -> dict[str, str]:
        return self.response_headers
