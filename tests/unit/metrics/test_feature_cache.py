"""Features are kept by what they come from."""

import numpy as np
import pytest

from segtalker.metrics.feature_cache import FeatureCache, feature_key


def test_features_are_kept_by_content(tmp_path):
    cache, features = FeatureCache(tmp_path / "cache"), np.eye(3, dtype=np.float32)
    parts = ("video", "net", "code", "weights")
    key = feature_key(*parts)
    assert cache.load(key) is None
    cache.save(key, features)
    np.testing.assert_array_equal(cache.load(key), features)
    others = {feature_key(*parts[:place], "other", *parts[place + 1 :]) for place in range(len(parts))}
    assert len(others | {key}) == 5


@pytest.mark.parametrize(
    "damage", [lambda kept: kept[:-40], lambda kept: kept[:150] + b"\7" + kept[151:], lambda _: b""]
)
def test_damaged_features_are_measured_again(tmp_path, damage):
    cache, features = FeatureCache(tmp_path), np.arange(600, dtype=np.float32).reshape(3, 200)
    cache.save("key", features)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert cache.load("key") is None
