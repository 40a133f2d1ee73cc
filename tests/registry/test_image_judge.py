"""Images as they are sent to a served model, and what is said of them."""

import base64
import json
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image
from scipy.special import expit, logit

from src.config.loader import compose_as
from src.config.photo_schema import PhotoEngine
from src.config.tool_schema import Predict
from src.data.drawn.photograph import draw_photograph
from src.errors import InputError
from src.model.decision import Decision
from src.model.weights import weights_sha256
from src.photos.inspector import Inspector
from src.photos.photo_model import loaded_model
from src.photos.records import place
from src.photos.scoring import build_scorer
from src.registry.image_judge import BadRequestImage, Judge, load_judge
from tests.photos.rules import photo_rule
from tests.pictures import header_of, saved
from tests.samples import light_classifier

PATCH, TEMPERATURE = 96, 1.7
ENGINE = {
    "name": "openvino",
    "precision": "f32",
    "shallow_megapixels": 0.25,
    "deep_megapixels": 2.5,
    "halo": 3,
    "anchors": 8,
}
DECISION = Decision(
    weights="a" * 64,
    classes=["whole", "cracked"],
    flips=False,
    temperature=TEMPERATURE,
    threshold=0.5,
    scales=[1.0],
    engine="openvino",
    precision="f32",
    calibrated=True,
)
SETTINGS = {"decision": DECISION.model_dump(), "max_megapixels": 1.0, "engine": ENGINE}


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    """A drawn photo of 400 x 300 pixels with a crack."""
    drawn = draw_photograph(np.random.default_rng(3), 300, 400, cracked=True)
    return Image.fromarray(drawn.pixels)


@pytest.fixture(scope="module")
def classifier(photo) -> keras.Model:
    """A classifier whose predictions differ between images."""
    return light_classifier()


@pytest.fixture(scope="module")
def judge(classifier, tmp_path_factory) -> Judge:
    file = tmp_path_factory.mktemp("classifier") / "model.keras"
    classifier.save(file)
    return load_judge(file, settings_of(classifier, DECISION))


def settings_of(classifier: keras.Model, decision: Decision) -> dict[str, object]:
    """The settings of serving with a decision that was made for this classifier."""
    own = decision.model_copy(update={"weights": weights_sha256(classifier)})
    return SETTINGS | {"decision": own.model_dump()}


@pytest.mark.slow
def test_a_model_with_another_ones_decision_is_refused(classifier, tmp_path):
    classifier.save(tmp_path / "model.keras")
    with pytest.raises(InputError, match=r"model\.keras and its decision\.json do not belong"):
        load_judge(tmp_path / "model.keras", SETTINGS)


@pytest.fixture(scope="module")
def inspector(classifier) -> Inspector:
    """What src.predict inspects photos with."""
    config = compose_as(Predict, "predict/config", ["input=-", "output=-"])
    config = config.model_copy(update={"engine": PhotoEngine(**ENGINE)})
    return Inspector(config, loaded_model(classifier), {"weights": "of a test"}, DECISION, {})


@pytest.fixture(scope="module")
def patch(photo) -> np.ndarray:
    return np.asarray(photo)[60 : 60 + PATCH, 50 : 50 + PATCH]


def encoded(pixels: np.ndarray, form: str = "PNG", **settings: object) -> bytes:
    return saved(Image.fromarray(pixels), form, **settings)


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent",
    [
        encoded,
        lambda patch: text(encoded(patch)),
        lambda patch: base64.encodebytes(encoded(patch)).decode(),
        lambda patch: text(encoded(patch, "WEBP", lossless=True)),
        lambda patch: patch,
        lambda patch: np.minimum(patch + 0.3, 255).astype(np.float32),
        lambda patch: patch.astype(np.int64).tolist(),
        lambda patch: patch.astype(float).tolist(),
    ],
)
def test_a_patch_is_what_the_classifier_says_however_it_is_sent(judge, classifier, patch, sent):
    (verdict,) = judge.judge([sent(patch)])
    alone = float(classifier.predict(patch[None], verbose=0)[0, 1])
    assert verdict["probability"] == pytest.approx(expit(logit(alone) / TEMPERATURE), abs=1e-4)
    assert verdict["label"] == ("cracked" if verdict["probability"] >= 0.5 else "whole")


@pytest.mark.slow
def test_a_photo_has_the_probability_of_its_likeliest_tile_at_any_scale(judge, classifier, photo):
    scorer = build_scorer(classifier, DECISION, PhotoEngine(**ENGINE))
    at = {scale: float(scorer.score(photo, scale).probability.max()) for scale in (1.0, 0.5)}
    assert at[1.0] != at[0.5]
    for scales, highest in (((1.0,), at[1.0]), ((1.0, 0.5), max(at.values()))):
        looking = Judge(scorer, DECISION.model_copy(update={"scales": scales}), 1.0)
        (verdict,) = looking.judge([np.asarray(photo)])
        assert verdict["probability"] == pytest.approx(highest, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("rule", [None, photo_rule(), photo_rule(threshold=0.999)])
def test_a_photo_is_judged_and_measured_as_by_the_command(judge, inspector, photo, tmp_path, rule):
    """The fields of an answer are those of a record of src.predict, with the same values."""
    decision = DECISION.model_copy(update={"photographs": rule})
    (answer,) = Judge(judge.scorer, decision, 1.0).judge([np.asarray(photo)])
    photo.save(tmp_path / "a.png")
    inspecting = Inspector(
        inspector.config, inspector.model, {"weights": "of a test"}, decision, {}
    )
    # One compiled network for all rules.
    inspecting.scorer = inspector.scorer
    record, _ = inspecting.inspect_one(place(tmp_path / "a.png", tmp_path, tmp_path / "out"))
    assert answer["label"] == ("whole", "cracked")[record["cracked"]]
    assert answer["probability"] == pytest.approx(record["probability"], abs=1e-6)
    same = set(answer) & set(record) - {"probability"}
    assert {"width", "height", "regions", "cracked", "cracked_share", "mm_per_pixel"} <= same
    assert {key: answer[key] for key in same} == {key: record[key] for key in same}
    json.dumps(answer)


def test_the_threshold_decides_the_label(judge, patch):
    (verdict,) = judge.judge([patch])
    for threshold, label in (
        (verdict["probability"], "cracked"),
        (verdict["probability"] + 1e-9, "whole"),
    ):
        decision = DECISION.model_copy(update={"threshold": threshold})
        strict = Judge(judge.scorer, decision, 1.0)
        assert strict.judge([patch])[0]["label"] == label


@pytest.mark.slow
def test_images_keep_their_order_and_threads_take_turns(judge, photo):
    busy = threading.Lock()

    def alone_at_work(batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        # Two at once in OpenVINO's queue would wait for each other forever.
        assert busy.acquire(blocking=False)
        try:
            yield from judge.scorer.shallow(batches)
        finally:
            busy.release()

    pixels = np.asarray(photo)
    images = [pixels, pixels[:50, :40], pixels[:96, 100:196], pixels[::-1]]
    alone = [judge.judge([image])[0]["probability"] for image in images]
    assert len(set(alone)) == len(images)
    watched = replace(judge, scorer=replace(judge.scorer, shallow=alone_at_work))
    with ThreadPoolExecutor(4) as pool:
        for verdicts in pool.map(watched.judge, [images] * 8):
            assert [v["probability"] for v in verdicts] == pytest.approx(alone, abs=1e-6)


def nested(depth: int) -> list:
    lists: list = [1]
    for _ in range(depth):
        lists = [lists]
    return lists


BAD = {
    "empty text": ("", "empty file"),
    "empty file": (b"", "empty file"),
    "no base64": ("photo.jpg", "text that is not base64"),
    "no ASCII": ("Riß", "text that is not base64"),
    "no image": (text(b"hello"), "not an image"),
    "cut short": (encoded(np.zeros((96, 96, 3), np.uint8), "JPEG")[:-400], "damaged or cut short"),
    "a bomb": (header_of(30_000, 40_000), "1200 megapixels, above the 1 that this model takes"),
    "too many pixels": (np.zeros((1001, 1000, 3), np.uint8), "1.001 megapixels, above the 1"),
    "grey": (np.zeros((96, 96), np.uint8), "pixels of shape 96 x 96; RGB is height x width x 3"),
    "four channels": (np.zeros((9, 9, 4), np.uint8), "pixels of shape 9 x 9 x 4"),
    "a batch": (np.zeros((2, 9, 9, 3), np.uint8), "pixels of shape 2 x 9 x 9 x 3"),
    "no pixels": (np.zeros((0, 9, 3), np.uint8), "pixels of shape 0 x 9 x 3"),
    "an empty list": ([], "pixels of shape 0"),
    "ragged": ([[[1, 2, 3]], [[1, 2]]], "rows of pixels that are not equally long"),
    "NaN": (np.full((9, 9, 3), np.nan), "pixels that are not all numbers from 0 to 255"),
    "infinite": (np.full((9, 9, 3), np.inf), "pixels that are not all numbers from 0 to 255"),
    "negative": (np.full((9, 9, 3), -1), "pixels that are not all numbers from 0 to 255"),
    "too bright": (np.full((9, 9, 3), 256), "pixels that are not all numbers from 0 to 255"),
    "null": (None, "neither base64 text nor an array of numbers"),
    "a number": (7, "neither base64 text nor an array of numbers"),
    "words": ([[["a", "b", "c"]]], "neither base64 text nor an array of numbers"),
    "an object": ({"b64": ""}, "neither base64 text nor an array of numbers"),
    "nested too deeply": (nested(1000), "rows of pixels that are not equally long"),
    "a huge number": ([[[10**400, 0.5, 1]]], "neither base64 text nor an array of numbers"),
    "too long": (saved(Image.new("1", (1, 65535)), "PNG"), "65535 pixels long, above the 65500"),
    "PostScript": (text(saved(Image.new("L", (9, 9)), "EPS")), "not an image in JPEG, PNG"),
    "without palette": (header_of(1, 1, colour=3, content=b"\0\0"), "damaged or cut short"),
    "truth values": (np.zeros((9, 9, 3), bool), "neither base64 text nor an array of numbers"),
}


@pytest.mark.parametrize(("sent", "reason"), BAD.values(), ids=BAD)
def test_what_can_t_be_judged_is_named(judge, patch, sent, reason):
    with pytest.raises(BadRequestImage) as refused:
        judge.judge([patch, sent])
    assert str(refused.value).startswith(f"image 2: {reason}")


@pytest.mark.parametrize("error", [MemoryError(), ValueError("of a library"), AssertionError()])
def test_an_error_while_an_image_is_scored_names_it(judge, patch, error):
    def failing(batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for batch in judge.scorer.shallow(batches):
            if batch.shape[2] > 12:  # features of what is wider than a patch
                raise error
            yield batch

    broken = replace(judge, scorer=replace(judge.scorer, shallow=failing))
    with pytest.raises(BadRequestImage, match=r"^image 2: (unexpected|there was not enough)"):
        broken.judge([patch, np.zeros((96, 200, 3), np.uint8)])
    assert len(broken.judge([patch])) == 1
