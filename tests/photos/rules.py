"""Rules for photographs made by hand."""

from src.model.photo_rule import LogisticRule, PhotoRule


def on_feature(name: str, weight: float = 1.0, intercept: float = 0.0) -> LogisticRule:
    """A rule whose log-odds are a feature, between -3 and 3, times a weight, and an intercept."""
    return LogisticRule(
        features=[name], centre=[0.0], spread=[1.0], weights=[weight, 0.0], intercept=intercept
    )


def photo_rule(**changes: object) -> PhotoRule:
    """A rule by the regions' own probability and the photo's likeliest tile."""
    made = {
        "candidate": 0.2,
        "region": on_feature("probability"),
        "region_threshold": 0.5,
        "photo": on_feature("tiles_most", 0.5, -0.2),
        "threshold": 0.5,
        "photographs": 20,
    }
    return PhotoRule.model_validate({**made, **changes})
