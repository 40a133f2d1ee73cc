"""Fitting how photographs are judged, after a classifier is trained."""

import logging
import threading
from collections.abc import Sequence

import keras
import mlflow
import numpy as np
from PIL import Image
from sklearn.metrics import roc_auc_score
from tqdm.contrib.concurrent import thread_map

from src.config.photo_schema import Photographs
from src.config.schema import Config
from src.data.sources.colour_pictures import UnusableImage
from src.data.sources.masked_photos import MaskedPhoto, drawn_photos, photos_in
from src.model.decision import DECISION, Decision
from src.photos.photo_findings import candidates_on
from src.photos.rule_fitting import Example, FittedPhotoRule, fit_photo_rule, regions_over
from src.photos.scoring import Scorer, build_scorer
from src.tracking.logged_files import log_file

logger = logging.getLogger(__name__)


def decide_on_photographs(config: Config, classifier: keras.Model, decision: Decision) -> Decision:
    """Add a rule for photographs to a decision if the configuration asks for it.

    The rule is logged in the active run, with what it says of the photographs by folds that left
    them out.

    Args:
        config: the configuration of the run.
        classifier: the trained classifier.
        decision: the decision that was chosen on patches.

    Raises:
        InputError: a folder of photographs is not as expected, or there are too few photographs.
    """
    settings = config.decision.photographs
    if settings is None:
        return decision
    photos = drawn_photos(settings.drawn, settings.height, settings.width, settings.seed)
    photos += photos_in(settings.folders, settings.most)
    scorer = build_scorer(classifier, decision, settings.blocks)
    fitted = fit_photo_rule(
        examine(photos, scorer, settings),
        settings,
        missed_crack=config.evaluate.missed_crack,
        false_alarm=config.evaluate.false_alarm,
    )
    decided = decision.model_copy(update={"photographs": fitted.rule})
    log_file(decided.model_dump_json(indent=2) + "\n", DECISION)
    mlflow.log_metrics(
        {f"photographs.{name}": value for name, value in rule_metrics(fitted).items()}
    )
    mlflow.log_text(fitted.photographs.to_csv(index=False), "photographs.csv")
    mlflow.log_text(fitted.regions.to_csv(index=False), "photograph_regions.csv")
    return decided


def examine(photos: Sequence[MaskedPhoto], scorer: Scorer, settings: Photographs) -> list[Example]:
    """Find and describe the candidates on photographs, several photographs at a time.

    Photographs that cannot be used are left out with a warning, as a fetch leaves them out.

    Args:
        photos: the photographs.
        scorer: the scorer of the classifier.
        settings: the settings of the fit.
    """
    scoring = threading.Lock()

    def examined(photo: MaskedPhoto) -> Example | None:
        try:
            pixels, mask = photo.load()
        except UnusableImage as error:
            logger.warning("%s is left out: %s", photo.name, error)
            return None
        image = Image.fromarray(pixels)
        with scoring:
            scores = [scorer.score(image, scale) for scale in scorer.decision.scales]
        seen = candidates_on(image, scores, settings.candidate, scorer.patch)
        over = None if mask is None else regions_over(mask, seen.found)
        cracked = mask is None or bool(mask.any())
        return Example(photo.name, photo.group, photo.source, cracked, seen, over)

    found = thread_map(
        examined, photos, max_workers=settings.workers, desc="photographs", unit="photo"
    )
    return [example for example in found if example]


def rule_metrics(fitted: FittedPhotoRule) -> dict[str, float]:
    """Return how well a rule judges the photographs and regions by folds that left them out."""
    rule, photos, regions = fitted.rule, fitted.photographs, fitted.regions
    cracked = photos.label.to_numpy() == 1
    flagged = photos.probability.to_numpy() >= rule.threshold
    kept = regions.probability >= rule.region_threshold
    return {
        "photographs": float(len(photos)),
        "auroc": float(roc_auc_score(cracked, photos.probability)),
        "recall": float(np.mean(flagged[cracked])),
        "false_alarms": float(np.mean(flagged[~cracked])),
        "threshold": rule.threshold,
        "candidates": float(len(regions)),
        "regions": float(kept.sum()),
        "regions_over_cracks": float(regions.label[kept].mean()) if kept.any() else 0.0,
    }
