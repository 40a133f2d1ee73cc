"""Requests to MLflow's scoring server, bounded before they cost time and memory.

MLflow parses a request twice, and puts all of it into the text of an error. What Python's own
parser refuses, it answers with a bare 500.
"""

import functools
import json
import os
from collections.abc import Callable
from typing import Any

from mlflow.environment_variables import MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.pyfunc import scoring_server

JSON = "application/json"
# Numbers and lists in a request: an image of a megapixel. Larger ones are sent as files in base64.
MOST_ITEMS = 4_100_000
# Seconds for a request. MLflow's own 60 are too few for many or large photos, and what was given up
# is computed to its end nevertheless.
LONGEST = 3600


class BadRequest(MlflowException):
    """What the scoring server answers with status 400 and the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason, error_code=BAD_REQUEST)

    @property
    def message(self) -> str:
        return self.reason

    @message.setter
    def message(self, text: str) -> None:
        """Left as it is: the server would put the whole request before the reason."""


class SentImages(list[Any]):
    """The images of a request, which MLflow can put into an error's text at no cost."""

    def __repr__(self) -> str:
        return f"{len(self)} images"


def bound_requests() -> None:
    """Have the scoring server of this process check each request before it parses it.

    A request may take `LONGEST` seconds, unless the environment has another limit. The server reads
    it once the model is loaded.
    """
    os.environ.setdefault(MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT.name, str(LONGEST))
    answer: Callable[..., Any] = scoring_server.invocations
    if hasattr(answer, "__wrapped__"):
        return

    @functools.wraps(answer)
    def bounded(data: Any, content_type: str | None, model: Any, input_schema: Any) -> Any:
        # Tables could unpack to any size, and an image does not come as one.
        if (content_type or "").partition(";")[0].strip().lower() != JSON:
            return scoring_server.InvocationsResponse(
                f"a request must be JSON, with the header Content-Type: {JSON}", 415, "text/plain"
            )
        return answer(parsed_request(data), JSON, model, input_schema)

    scoring_server.invocations = bounded


def parsed_request(data: bytes | str) -> dict[str, Any]:
    """A JSON request as a dictionary.

    Raises:
        BadRequest: it is no JSON, no dictionary, or has too many numbers and lists in it.
    """
    if isinstance(data, str):
        data = data.encode()
    items = data.count(b",") + data.count(b"[") + data.count(b"{")
    if items > MOST_ITEMS:
        raise BadRequest(
            f"{items} numbers and lists, above {MOST_ITEMS}; send large images as files in base64"
        )
    try:
        parsed = json.loads(data)
    except RecursionError as error:
        raise BadRequest("lists nested too deeply; an image has three levels of them") from error
    # Also of text that is not UTF-8, and of numbers of thousands of digits.
    except ValueError as error:
        raise BadRequest(f"the request is not valid JSON: {str(error)[:200]}") from error
    if not isinstance(parsed, dict):
        raise BadRequest("the request must be a JSON dictionary with the key 'inputs'")
    return {key: SentImages(v) if isinstance(v, list) else v for key, v in parsed.items()}
