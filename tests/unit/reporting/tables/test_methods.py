"""Methods in the order of tables."""

from segtalker.reporting.tables.methods import order_methods


def test_reference_first_controls_last_and_strangers_are_systems() -> None:
    names = [method.name for method in order_methods({"static", "wav2lip", "ground_truth", "segtalker"})]
    assert names == ["ground_truth", "segtalker", "wav2lip", "static"]
