"""Models, in OpenAI's shape."""

from typing import Annotated, Literal

from pydantic import Field

from services.edge.openapi.schema import Document


class Model(Document):
    """A model that the caller may use."""

    id: Annotated[str, Field(description="The name of the model.")]
    object: Annotated[Literal["model"], Field(description="What this is.")]
    created: Annotated[int, Field(description="The same of every model, as in LiteLLM.")]
    owned_by: Annotated[str, Field(description="The same of every model, as in LiteLLM.")]


class ModelList(Document):
    """All models that the caller may use, as far as they are known by name."""

    data: list[Model]
    object: Annotated[Literal["list"], Field(description="What this is.")]
