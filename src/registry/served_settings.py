"""The settings that a packaged model judges images by."""

from typing import TYPE_CHECKING, Any

from src.model.decision import Decision, overridden

if TYPE_CHECKING:
    from src.config.tool_schema import Serving


def served_settings(
    decision: Decision, serving: "Serving"
) -> tuple[Decision, dict[str, object], dict[str, Any]]:
    """Combine a model's decision with the settings of serving.

    Args:
        decision: the model's own decision.
        serving: see conf/shared/serving.yaml.

    Returns:
        The decision that applies, the settings that differ from the model's own, and the settings
        for `src.registry.image_judge.load_judge`.
    """
    given = {
        **serving.model_dump(include={"scales", "flips", "threshold"}),
        "engine": serving.engine.name,
        "precision": serving.engine.precision,
    }
    served, deviations = overridden(decision, given)
    settings = {
        "decision": served.model_dump(),
        **serving.model_dump(include={"engine", "max_megapixels", "max_request_megabytes"}),
    }
    return served, deviations, settings
