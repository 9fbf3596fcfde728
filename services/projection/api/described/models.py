"""Reads about models, in OpenAI's shape."""

from collections.abc import Mapping

from services.edge.openapi.answers.model import ModelList
from services.edge.openapi.examples import MODEL
from services.edge.openapi.operation import Operation
from services.edge.shapes.model import model_list
from services.projection.api.described.common import read

OPERATIONS: Mapping[str, Operation] = {
    route: read(route, id, ModelList, example=model_list([MODEL]))
    for route, id in (("/models", "list_models"), ("/v1/models", "list_models_v1"))  # noqa: A001
}
