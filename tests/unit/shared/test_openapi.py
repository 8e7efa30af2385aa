"""The OpenAPI documents are valid and complete, and their examples fit their schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from services.coverage.app import build as build_coverage
from services.coverage.reading.sheet_files import XLSX
from services.coverage.settings import CoverageSettings
from services.notifier.app import build as build_notifier
from services.notifier.settings import NotifierSettings
from services.registry.app import build as build_registry
from services.registry.settings import RegistrySettings
from shared.adapters.http_problem import PROBLEM_TYPE

SERVICES = ("registry", "coverage", "notifier")
Document = dict[str, Any]


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    """The documents of the three services; building them connects to nothing."""
    key = tmp_path_factory.mktemp("keys") / "identity.key"
    key.write_text("5e" * 32)
    apis = (
        build_registry(RegistrySettings(identity_key_file=key)),
        build_coverage(CoverageSettings()),
        build_notifier(NotifierSettings(ack_key_file=key)),
    )
    return {name: api.openapi() for name, api in zip(SERVICES, apis, strict=True)}


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield every operation under /v1 with its name."""
    for path, methods in document["paths"].items():
        if path.startswith("/v1/"):
            for method, operation in methods.items():
                yield f"{method} {path}", operation


GOOD_TYPES = {"application/json", "application/yaml", "text/csv", "text/event-stream", XLSX}


@pytest.mark.parametrize("service", SERVICES)
def test_the_document_is_openapi(documents: dict[str, Document], service: str) -> None:
    """It fits the schema of OpenAPI 3.1, and every reference points to a schema."""
    document = documents[service]
    jsonschema.validate(document, OPENAPI_31)
    names = {part.split("'")[0] for part in str(document).split("#/components/schemas/")[1:]}
    assert names <= document["components"]["schemas"].keys()


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_says_who_may_call_and_what_it_answers(documents: dict[str, Document], service: str) -> None:
    """Each route names its scope, also in words; each answer has a schema, and each refusal is a problem."""
    for name, operation in operations(documents[service]):
        (needed, *_) = operation["security"]
        assert all(f"`{scope}`" in operation["description"] for scope in needed["bearer"]), name
        assert {"401", "403", "503"} <= operation["responses"].keys(), name
        for status, answer in operation["responses"].items():
            if status in ("204", "304"):
                continue
            assert answer["content"], f"{name} {status}"
            for media_type, content in answer["content"].items():
                assert media_type in ({PROBLEM_TYPE} if int(status) >= 300 else GOOD_TYPES), f"{name} {status}"
                assert content["schema"], f"{name} {status}"
        if "requestBody" in operation:
            assert {"408", "413", "415", "422"} <= operation["responses"].keys(), name


@pytest.mark.parametrize("service", SERVICES)
def test_every_example_fits_its_schema(documents: dict[str, Document], service: str) -> None:
    """A newcomer can copy every example."""
    document = documents[service]
    for name, operation in operations(document):
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            examples = [example["value"] for example in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            assert examples, f"{name} {media_type}"
            for example in examples:
                jsonschema.validate(example, content["schema"] | {"components": document["components"]})


def test_the_registry_names_its_limits_for_a_caller(documents: dict[str, Document]) -> None:
    """429 and 503 say when to try again; all seven facts have an example."""
    for path in ("/v1/facts", "/v1/facts/bulk"):
        answers = documents["registry"]["paths"][path]["post"]["responses"]
        assert all(answers[status]["headers"]["Retry-After"]["required"] for status in ("429", "503"))
    single = documents["registry"]["paths"]["/v1/facts"]["post"]["requestBody"]["content"]
    assert len(single["application/cloudevents+json"]["examples"]) == 7
