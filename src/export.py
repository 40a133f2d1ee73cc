"""Export a trained classifier for deployment, and check it against Keras on real patches.

python -m src.export model=RUN_OR_FILE format=onnx precision=int8
python -m src.export model=RUN_OR_FILE format=all precision=all output=FOLDER
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.config.command import entry_point_of
from src.config.tool_schema import Export

if TYPE_CHECKING:
    import keras
    import pandas as pd


@entry_point_of("export/config", Export)
def main(config: Export) -> None:
    from src.data.splits.manifest import read_manifest
    from src.formats import conversion
    from src.formats.keras import describe_keras
    from src.model.decision import refuse_other_model
    from src.tracking import runs
    from src.tracking.logged_models import find_model, kind_of, load_classifier, training_split
    from src.tracking.provenance import decision_of

    chosen = conversion.chosen_exports(config.format, config.precision)
    if kind_of(config.model) != "file":
        runs.connect(config.tracking.uri, config.tracking.experiment)
    classifier = load_classifier(config.model)
    if config.manifest and config.images:
        manifest, root = read_manifest(Path(config.manifest)), Path(config.images)
    else:
        manifest, root = training_split(config.model)
    patches = conversion.load_part(manifest, root, "test", config.check_images)
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
    exported = [conversion.Exported("Keras", "float32", size, check)]
    for name, precision in chosen:
        print(f"{name} {precision}")
        exported.append(
            conversion.export_classifier(
                classifier,
                format=name,
                precision=precision,
                calibration=calibration,
                patches=patches,
                reference=reference,
                max_accuracy_lost=config.max_accuracy_lost,
                min_agreement=config.min_agreement,
                about=about,
                folder=Path(config.output),
            )
        )
        if name == "keras":
            describe_keras(Path(config.output) / f"keras-{precision}" / "model.keras", decision)
    print(conversion.export_table(exported))


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
