"""Export a trained classifier for deployment, and check it against Keras on real patches.

python -m src.export model=RUN_OR_FILE format=onnx precision=int8
python -m src.export model=RUN_OR_FILE format=all precision=all output=FOLDER
"""

from pathlib import Path

from src.config.command import entry_point_of
from src.config.tool_schema import Export
from src.errors import InputError


@entry_point_of("export/config", Export)
def main(config: Export) -> None:
    from src.data.splits.manifest import read_manifest
    from src.formats import conversion
    from src.formats.exporting import described, made_and_refused
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
        **{"reference": reference, "about": about, "decision": decision},
    }
    made, refused = made_and_refused(config, chosen, given)
    exported = [conversion.Exported("Keras", "float32", size, check), *made]
    print(f"{conversion.export_table(exported)}\nfolder  {config.output}")
    if refused:
        raise InputError("\n".join(refused))


if __name__ == "__main__":
    main()
