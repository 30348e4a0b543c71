"""What a Gradio server says of its endpoints, in its API description and its `/config`."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Set

from dreamlab.errors import NotAvailable

SHAPE_ENDPOINT, TEXTURE_ENDPOINT = "/shape_generation", "/generation_all"


class Description:
    """The endpoints of one server, of gradio_client's `view_api` and `config`."""

    def __init__(self, api: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        self._named: Dict[str, Any] = api["named_endpoints"]
        self._hidden = set(_hidden(config))
        # What the stand-in says of itself where its models are worse than they could be.
        self.warning: Optional[str] = _text(config, "warning")
        self._dependencies: Dict[str, Mapping[str, Any]] = {
            f"/{each['api_name']}": each
            for each in config.get("dependencies", [])
            if isinstance(each.get("api_name"), str)
        }

    def parameters(self, endpoint: str) -> Optional[List[Mapping[str, Any]]]:
        """Return the parameters of an endpoint, None where there is no such endpoint."""
        described = self._named.get(endpoint)
        return None if described is None else described["parameters"]

    def is_offered(self, endpoint: str) -> bool:
        """Return whether there is the endpoint, and a visible component that calls it.

        Hunyuan3D's servers hide the button of what they cannot do.
        """
        if endpoint not in self._named:
            return False
        targets = self._dependencies.get(endpoint, {}).get("targets") or []
        callers = {target[0] for target in targets if isinstance(target, (list, tuple))}
        return not callers or not callers <= self._hidden

    def check_offered(self, texture: bool) -> None:
        """Raise NotAvailable where the generator says beforehand that it makes no textures."""
        if texture and not self.is_offered(TEXTURE_ENDPOINT):
            raise NotAvailable("This generator makes no textures. Ask for a model without one.")

    def has_input(self, endpoint: str, name: str) -> bool:
        """Return whether the endpoint has a parameter of that name."""
        return any(each["parameter_name"] == name for each in self.parameters(endpoint) or [])

    def has_visible_input(self, endpoint: str, name: str) -> bool:
        """Return whether the endpoint has a parameter whose component is visible.

        Hunyuan3D's servers hide the inputs that their model does not read.
        """
        names = [each["parameter_name"] for each in self.parameters(endpoint) or []]
        inputs = self._dependencies.get(endpoint, {}).get("inputs") or []
        if name not in names:
            return False
        index = names.index(name)
        return len(inputs) != len(names) or inputs[index] not in self._hidden


def _text(config: Mapping[str, Any], element: str) -> Optional[str]:
    """Return the text of the component with that `elem_id`, None where there is none."""
    for each in config.get("components", []):
        props = each.get("props", {})
        if props.get("elem_id") == element and isinstance(props.get("value"), str):
            return str(props["value"])
    return None


def _hidden(config: Mapping[str, Any]) -> Iterator[int]:
    """The ids of the components that are not visible, or inside one that is not."""
    invisible: Set[Any] = {
        each["id"]
        for each in config.get("components", [])
        if each.get("props", {}).get("visible") in (False, "hidden")
    }
    yield from invisible
    open_nodes = [(config.get("layout") or {}, False)]
    while open_nodes:
        node, is_hidden = open_nodes.pop()
        is_hidden = is_hidden or node.get("id") in invisible
        if is_hidden and "id" in node:
            yield node["id"]
        open_nodes += [(child, is_hidden) for child in node.get("children") or []]
