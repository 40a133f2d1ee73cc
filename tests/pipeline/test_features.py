"""The engine that fills a feature bank."""

import numpy as np

from src.bank.engine import Engine
from src.bank.feature_bank import CHUNK
from src.pipeline import features
from src.pipeline.features import PrefixEngine


def test_large_requests_compute_no_more_than_a_chunk(composed, crops, monkeypatch):
    computed = []

    def stream(batches):
        for batch in batches:
            computed.append(len(batch))
            yield batch.astype(np.float16)

    def built(prefix, *, name, precision, batch_size, **given):
        return Engine(name, precision, batch_size, stream)

    monkeypatch.setattr(features, "build_engine", built)
    monkeypatch.setattr(features, "check_engine", lambda *given: 0.0)
    engine = PrefixEngine(composed("features.batch_size=1000"), None, crops.images)
    assert len(engine.run(np.zeros((CHUNK, 4, 4, 3), np.uint8))) == CHUNK
    assert sum(computed) == CHUNK
