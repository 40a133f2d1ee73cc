"""Export a trained classifier for deployment, and check it against Keras on real patches.

python -m src.export model=RUN_OR_FILE format=onnx precision=int8
python -m src.export model=RUN_OR_FILE format=all precision=all output=FOLDER
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.config.command import entry_point_of
from src.config.tool_schema import Export
from src.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras
    import pandas as pd

    from src.formats.conversion import Exported
    from src.model.decision import Decision


@entry_point_of("export/config", Export)
def main(config: Export) -> None:
    from src.data.splits.manifest import read_manifest
    from src.formats import conversion
    from src.model.decision import refuse_other_model
    from src.tracking import runs
    from src.tracking.logged_models import find_model, kind_of, load_classifier, training_split
    from src.tracking.provenance import decision_of
    from src.tracking.tested_images import refuse_other_images

    chosen = conversion.chosen_exports(config.format, config.precision)
    if kind_of(config.model) != "file":
        runs.connect(config.tracking.uri, config.tracking.experiment)
    classifier = load_classifier(config.model)
    if config.manifest and config.images:
        manifest, root = read_manifest(Path(config.manifest)), Path(config.images)
    else:
        manifest, root = training_split(config.model)
        refuse_other_images(config.model, manifest, root)
    patches = conversion.load_part(manifest, root, "test", config.check_images)
    conversion.refuse_other_size(patches.images, classifier, root)
    most = config.calibration_images
    calibration = conversion.load_part(manifest, root, "validation", most).images
    reference, rate = conversion.timed(
        lambda images: classifier.predict(images, verbose=0), patches.images
    )
    about = described(config.model, classifier, manifest, len(calibration))
    decision = decision_of(config.model)
    if decision:
        refuse_other_model(decision, about["weights_sha256"], config.model)
        about["decision"] = decision.model_dump()
    size = find_model(config.model).stat().st_size
    check = conversion.compare_with_keras(reference, rate, patches, reference)
    given = {
        **{"classifier": classifier, "calibration": calibration, "patches": patches},
        **{"reference": reference, "about": about},
    }
    made, refused = made_and_refused(config, chosen, given, decision)
    exported = [conversion.Exported("Keras", "float32", size, check), *made]
    print(conversion.export_table(exported))
    if refused:
        raise InputError("\n".join(refused))


def made_and_refused(
    config: Export,
    chosen: "Sequence[tuple[str, str]]",
    given: dict[str, Any],
    decision: "Decision | None",
) -> tuple[list["Exported"], list[str]]:
    """Export a classifier in several ways. One that is refused does not stop the others.

    Args:
        config: the settings.
        chosen: the formats and precisions.
        given: further arguments of `export_classifier`.
        decision: the decision of the model.

    Returns:
        The exports, and why others were refused.
    """
    from src.formats.conversion import export_classifier
    from src.formats.keras import describe_keras

    exported, refused = [], []
    limits = config.model_dump(include={"max_accuracy_lost", "min_agreement"})
    for name, precision in chosen:
        print(f"{name} {precision}")
        to: dict[str, Any] = {"format": name, "precision": precision, "folder": Path(config.output)}
        try:
            exported.append(export_classifier(**given, **limits, **to))
            if name == "keras":
                describe_keras(Path(config.output) / f"keras-{precision}" / "model.keras", decision)
        except InputError as error:
            refused.append(str(error))
    return exported, refused


def described(
    model: str, classifier: "keras.Model", manifest: "pd.DataFrame", calibration_images: int
) -> dict[str, Any]:
    """Describe the model, its inputs and its outputs for the card.json of each export.

    Args:
        model: the model as the user has named it.
        classifier: the model itself.
        manifest: the manifest of its training.
        calibration_images: number of images that int8 is calibrated on.
    """
    from src.model.weights import weights_sha256

    one_of_each = manifest.drop_duplicates("label").sort_values("label")
    return {
        "model": model,
        "weights_sha256": weights_sha256(classifier),
        "input": f"image: uint8 {[None, *classifier.input_shape[1:]]}, RGB",
        "output": "float32 [None, 2], the classes' probabilities before the decision's temperature",
        "classes": [path.split("/")[0] for path in one_of_each.path],
        "calibration_images": calibration_images,
    }


if __name__ == "__main__":
    main()
