"""Figures of a run's predictions."""

from PIL import Image

from src.figures.run_figures import prediction_grid
from src.statistics.verdicts import with_verdicts
from tests.statistics.samples import table_of


def test_wrong_verdicts_come_first_at_any_threshold(tmp_path):
    table = with_verdicts(table_of([1, 0], [0.85, 0.6]), 1.0, 0.9)
    for path in table.path:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / path)
    figure = prediction_grid(table, tmp_path, ["Negative", "Positive"], 1)
    (title,) = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert title == "Negative 0.150\ntruly Positive"
