"""What the networks of an experiment were trained for."""

from dataclasses import dataclass

from segtalker.config.base import Clock
from segtalker.config.params import Params
from segtalker.config.training import SpeechFeatures
from segtalker.faces.head_pose import PoseReferences


@dataclass(frozen=True)
class TalkSettings:
    """What the networks were trained for.

    Args:
        image_size: px, side of the crops.
        clock: of frames and speech.
        box_size: height and width of the mouth box.
        stride: see `segtalker.inference.talking_masks.predict_talking_masks`.
        edge: px, fade between face and background.
        steady_window: frames over which regions' frames are averaged, see `segtalker.inference.steady_frames`.
        pose_references: how the poses of a source that turns are told apart.
        batch_size: frames a network sees at once.
        speech: what the segmenter hears.
    """

    image_size: int
    clock: Clock
    box_size: tuple[int, int]
    stride: int
    edge: int
    steady_window: int
    pose_references: PoseReferences
    batch_size: int
    speech: SpeechFeatures

    @classmethod
    def of(cls, params: Params) -> "TalkSettings":
        """As an experiment has them."""
        base = params.base
        return cls(
            image_size=base.image_size,
            clock=base.clock,
            box_size=(base.mouth_box.height, base.mouth_box.width),
            stride=params.train_tsg.stride,
            edge=params.train_sgi.edge,
            steady_window=params.generate.steady_window,
            pose_references=PoseReferences(**params.generate.pose_references.model_dump()),
            batch_size=params.generate.batch_size,
            speech=params.train_tsg.features,
        )
