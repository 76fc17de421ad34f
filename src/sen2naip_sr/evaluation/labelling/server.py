"""Label Studio by its HTTP interface: a project with tasks, and what was said of them."""

import os
from collections.abc import Sequence
from typing import Any

from sen2naip_sr.errors import UserError

TOKEN = "LABEL_STUDIO_TOKEN"
"""The variable with the token of the account: a legacy token or a personal access token."""
TIMEOUT = 60.0
TITLE = "Which looks better?"


class LabelStudio:
    """A Label Studio server.

    Args:
        address: Its address.
        token: The account's token; None: from the environment.

    Raises:
        UserError: If the server cannot be reached or refuses the token.
    """

    def __init__(self, address: str, token: str | None = None) -> None:
        try:
            import httpx
        except ImportError as error:
            raise UserError("httpx-missing", "httpx is not installed", "install it") from error
        self._address = address.rstrip("/")
        self._http = httpx.Client(base_url=self._address, timeout=TIMEOUT)
        secret = token or os.environ.get(TOKEN, "")
        self._http.headers["Authorization"] = self._authorization(secret)
        self._ask("GET", "/api/current-user/whoami")

    def create(self, interface: str, tasks: Sequence[Any], folder: str | None = None) -> int:
        """Make a project of tasks, and return its number.

        Args:
            interface: What is shown, in Label Studio's XML.
            tasks: The tasks.
            folder: The server's folder of images that the project may show; None: they lie
                elsewhere.
        """
        made = self._ask("POST", "/api/projects", {"title": TITLE, "label_config": interface})
        project = int(made["id"])
        if folder:
            storage = {"project": project, "path": folder, "use_blob_urls": True, "title": "images"}
            self._ask("POST", "/api/storages/localfiles", storage)
        self._ask("POST", f"/api/projects/{project}/import", list(tasks))
        return project

    def annotate(self, task: int, result: Sequence[Any]) -> None:
        """Add an answer to a task."""
        self._ask("POST", f"/api/tasks/{task}/annotations", {"result": list(result)})

    def tasks(self, project: int) -> list[Any]:
        """Return the tasks of a project with their answers, as an export has them."""
        query = "?exportType=JSON&download_all_tasks=true"
        found: list[Any] = self._ask("GET", f"/api/projects/{project}/export{query}")
        return found

    def delete(self, project: int) -> None:
        """Delete a project."""
        self._ask("DELETE", f"/api/projects/{project}")

    def _authorization(self, secret: str) -> str:
        if secret.count(".") != 2:
            return f"Token {secret}"
        # a personal access token only refreshes the one that is used
        answer = self._ask("POST", "/api/token/refresh", {"refresh": secret})
        return f"Bearer {answer['access']}"

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        import httpx

        try:
            answer = self._http.request(method, path, json=body)
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            code = error.response.status_code
            raise UserError(
                "label-studio-refused",
                f"{self._address} answers {code} to {path}: {error.response.text[:200]}",
                "check the account's token" if code in {401, 403} else "check the server's log",
            ) from error
        except httpx.HTTPError as error:
            raise UserError(
                "label-studio-unreachable",
                f"{self._address} cannot be reached: {error}",
                "start Label Studio, or leave out its address: the files can be imported by hand",
            ) from error
        return answer.json() if answer.content else None
