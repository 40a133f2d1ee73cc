"""Colour on a wall or floor: streaks of rust and water, paint, chalk, lettering, oil, tyres."""

import math
import string

import cv2
import numpy as np

from src.data.drawn.grounds import blotches
from src.data.drawn.kinds import Kind
from src.data.drawn.objects import bent_line
from src.data.drawn.scene import (
    Field,
    Palette,
    Scene,
    blurred,
    fill,
    fractal_noise,
    paint,
    ribbon,
    smooth_noise,
    soften,
    spread,
    stroke,
    tint,
)
from src.data.drawn.seams import lines_across

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)
INKS: Palette = (
    (0.10, 0.10, 0.11),
    (0.92, 0.92, 0.90),
    (0.72, 0.12, 0.10),
    (0.14, 0.22, 0.55),
    (0.85, 0.70, 0.12),
    (0.80, 0.35, 0.10),
    (0.20, 0.45, 0.25),
    (0.30, 0.29, 0.29),
)
RUST: Palette = ((0.62, 0.36, 0.18), (0.48, 0.25, 0.13), (0.78, 0.52, 0.30))
MARKINGS: Palette = ((0.90, 0.90, 0.87), (0.88, 0.72, 0.20), (0.82, 0.80, 0.74))


def _streaks(rng: np.random.Generator, scene: Scene, *, wide: float, often: float) -> Field:
    """Draw streaks that run down from where water comes out of the wall."""
    layer = np.zeros((scene.height, scene.width), np.float32)
    top = rng.uniform(-0.2, 0.7) * scene.height
    for _ in range(1 + rng.poisson(often * scene.width / 227)):
        x, y = rng.uniform(0, scene.width), top + rng.normal(0, 0.08) * scene.height
        if rng.uniform() < 0.4:
            y = rng.uniform(-0.3, 0.9) * scene.height
        length = int(spread(rng, (30, 700)) * scene.scale) + 8
        at = np.linspace(0, 1, max(6, length // 8))
        sway = np.cumsum(rng.normal(0, 0.25, len(at))) * scene.scale
        line = np.stack([x + sway, y + at * length], axis=1)
        thick = max(1.5, spread(rng, (0.4, 3)) * wide * scene.scale)
        one = scene.layer()
        widths = thick * (1 - 0.7 * at) * np.exp(rng.normal(0, 0.15, len(at)))
        fill(one, ribbon(line, widths), int(rng.integers(60, 255)))
        rows = np.clip((np.arange(scene.height) - y) / length, 0, 1).astype(np.float32)
        np.maximum(layer, one * (1 - rows[:, None]), out=layer)
    run = cv2.GaussianBlur(layer / np.float32(255), (0, 0), rng.uniform(0.8, 2.5))
    drip = smooth_noise(rng, scene.height, scene.width, (rng.uniform(40, 120), 2.5))
    return run * np.clip(0.9 + 0.3 * drip, 0, 1)


def _rust(rng: np.random.Generator, scene: Scene) -> Field:
    run = _streaks(rng, scene, wide=10, often=0.5)
    tint(scene.pixels, run, np.array(RUST[rng.integers(len(RUST))]) / 0.75)
    return run


def _water(rng: np.random.Generator, scene: Scene) -> Field:
    run = _streaks(rng, scene, wide=16, often=1.0)
    tint(scene.pixels, run, rng.choice((rng.uniform(0.45, 0.9), rng.uniform(1.1, 1.5))))
    return run


def _worn(rng: np.random.Generator, scene: Scene, coverage: Field) -> Field:
    """Let paint be rubbed off in places."""
    wear = fractal_noise(rng, scene.height, scene.width, (2, 2), (0.5, 0.4, 0.4, 0.4, 0.4))
    edge = np.float32(rng.uniform(0.15, 1))
    return coverage * np.clip((wear + np.float32(rng.uniform(-0.2, 2.0))) / edge, 0, 1)


def _paint_lines(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw road markings, or the painted border of another colour."""
    wide = max(5.0, spread(rng, (10, 160)) * scene.scale)
    lines = lines_across(rng, scene, int(rng.integers(1, 4)), wide * rng.uniform(1.5, 6), 0.2)
    layer, dashed = scene.layer(), rng.uniform() < 0.3
    for line in lines:
        parts = np.array_split(line, 9)[::2] if dashed else [line]
        # In a small picture a line has few points, and a part of it may have a single one.
        for part in (part for part in parts if len(part) > 1):
            fill(layer, ribbon(part, np.full(len(part), wide)))
    marked = _worn(rng, scene, soften(layer, rng.uniform(0.6, 1.2)))
    paint(scene.pixels, marked * rng.uniform(0.6, 0.97), MARKINGS[rng.integers(len(MARKINGS))])
    return marked


def _hand_lines(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw lines by hand: chalk, crayon or pencil, straight or in loops."""
    layer = scene.layer()
    for _ in range(rng.integers(1, 5)):
        line = bent_line(rng, scene, rng.choice((0.0, rng.uniform(0, 0.5))))
        start, length = rng.integers(0, 60), rng.integers(8, 70)
        stroke(layer, line[start : start + length], max(1.0, spread(rng, (1, 7)) * scene.scale))
    if rng.uniform() < 0.3:
        middle = (rng.uniform(0, 1, 2) * (scene.width, scene.height)).astype(int).tolist()
        axes = [max(5, int(spread(rng, (15, 150)) * scene.scale)) for _ in range(2)]
        cv2.ellipse(layer, middle, axes, int(rng.integers(180)), 0, 350, 255, 2, cv2.LINE_AA)
    marked = soften(layer, 0.6)
    if rng.uniform() < 0.7:  # chalk leaves the hollows free
        marked = _worn(rng, scene, marked)
    paint(scene.pixels, marked * rng.uniform(0.35, 0.95), INKS[rng.integers(len(INKS))])
    return marked


def _lettering(rng: np.random.Generator, scene: Scene) -> Field:
    layer = scene.layer()
    for _ in range(rng.integers(1, 5)):
        letters = string.ascii_letters + string.digits * 3 + "+-./:#"
        text = "".join(rng.choice(list(letters), rng.integers(1, 14)))
        size = max(0.35, spread(rng, (0.5, 7)) * scene.scale)
        thick = max(1, int(size * rng.uniform(0.6, 3)))
        at = (rng.uniform(-0.1, 0.8, 2) * (scene.width, scene.height)).astype(int).tolist()
        font = FONTS[rng.integers(len(FONTS))]
        cv2.putText(layer, text, at, font, size, 255, thick, cv2.LINE_AA)
    turn = rng.normal(0, 0.12) if rng.uniform() < 0.7 else rng.uniform(0, 2 * np.pi)
    middle = (scene.width / 2, scene.height / 2)
    turned = cv2.getRotationMatrix2D(middle, math.degrees(turn), 1.0)
    written = cv2.warpAffine(layer, turned, (scene.width, scene.height)).astype(np.uint8)
    marked = _worn(rng, scene, soften(written, rng.uniform(0.5, 1.2)))
    paint(scene.pixels, marked * rng.uniform(0.5, 0.97), INKS[rng.integers(len(INKS))])
    return marked


def _oil(rng: np.random.Generator, scene: Scene) -> Field:
    size = 60 * scene.scale + 10
    spots = blotches(rng, scene.height, scene.width, (size / 2, 2 * size), (1.6, 2.6), (0.05, 0.8))
    tint(scene.pixels, spots, rng.uniform(0.35, 0.8))
    return spots


def _tyres(rng: np.random.Generator, scene: Scene) -> Field:
    layer, wide = scene.layer(), max(8.0, spread(rng, (25, 150)) * scene.scale)
    for _ in range(rng.integers(1, 4)):
        line = bent_line(rng, scene, rng.uniform(0, 0.25))
        fill(layer, ribbon(line, np.full(len(line), wide)))
    track = blurred(soften(layer, 1.0), wide * rng.uniform(0.05, 0.3))
    tint(scene.pixels, _worn(rng, scene, track), rng.uniform(0.5, 0.9))
    return track


STAINS = {
    "rust": Kind(_rust, 0.07),
    "water": Kind(_water, 0.09),
    "paint_line": Kind(_paint_lines, 0.07),
    "hand_line": Kind(_hand_lines, 0.07),
    "lettering": Kind(_lettering, 0.06),
    "oil": Kind(_oil, 0.04),
    "tyre": Kind(_tyres, 0.04),
}
