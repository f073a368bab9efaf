"""The training sections of the params, and what every section is made of."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from segtalker.config.base import Section

PAIRS = "pairs"  # photographs, as a dataset beside `download.sources`
# by the names of a training module's loss terms; which there are is for params.yaml and the module to say
LossWeights = dict[str, Annotated[float, Field(ge=0)]]
# how often clips of each of `download.sources` are drawn, and photographs as `pairs`; empty: all alike
DatasetWeights = dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]]


class Pairs(Section):
    """A folder of photographs with region maps, see `datamodules.labelled_images`."""

    root: str
    order: Literal["celebamask_hq", "bisenet", "regions"]
    held_out: float = Field(gt=0, lt=1)


class Training(Section):
    """What the training stages share."""

    precision: Literal["32-true", "bf16-mixed"]
    processes: int = Field(ge=1)
    accumulate: int = Field(ge=1)
    gradient_clip: float = Field(ge=0)
    sync_batch_norm: bool
    compile: bool
    channels_last: bool
    deterministic: Literal["warn"] | bool
    cudnn_benchmark: bool
    start_from: str = Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$")
    start_sha256: str
    pairs: Pairs

    @model_validator(mode="after")
    def _check(self) -> "Training":
        if self.cudnn_benchmark and self.deterministic:
            raise ValueError("cudnn_benchmark picks by the clock, and so needs deterministic false")
        return self


class TrainingStage(Section):
    """What every training stage has.

    Its threads decide the last bits of its sums, and how many of the machine's cores it takes while others run.
    """

    threads: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    checkpoint_every: int = Field(ge=1)


class ImageChanges(Section):
    """How far images are changed in training, see `datamodules.augment`."""

    flip: float = Field(ge=0, le=1)
    rotation_deg: float = Field(ge=0, le=180)
    scale: float = Field(ge=0, le=1)
    shift: float = Field(ge=0, le=1)
    colour: float = Field(ge=0, le=1)
    blur: float = Field(ge=0, le=1)


class ParserNet(Section):
    """See `segtalker.nets.parser.FaceParser`."""

    channels: int = Field(ge=1)
    multipliers: tuple[int, ...] = Field(min_length=2)


class TrainParser(TrainingStage):
    """The face parser."""

    labels: Literal["clips", "pairs", "both", "none"]
    weights: str
    pairs_sha256: str
    datasets: DatasetWeights
    held_out: float = Field(gt=0, lt=1)
    net: ParserNet
    steps: int = Field(ge=1)
    coarse_steps: int = Field(ge=0)
    weight_decay: float = Field(ge=0)
    warmup_steps: int = Field(ge=0)
    balance: float = Field(ge=0, le=1)
    loss_weights: LossWeights
    augmentation: ImageChanges
    validation_frames: int = Field(ge=1)


class SpeechChanges(Section):
    """How far speech is changed in training, see `datamodules.speech_augmentation`."""

    vocal_tract: float = Field(ge=0, lt=1)
    gain: float = Field(ge=0)
    tilt: float = Field(ge=0)
    noise: float = Field(ge=0)


class ExpertNet(Section):
    """See `segtalker.nets.sync.SyncExpert`."""

    channels: tuple[int, ...] = Field(min_length=1)
    audio_channels: tuple[int, ...] = Field(min_length=1)
    blocks: int = Field(ge=0)
    embedding: int = Field(ge=2)


class Expert(Section):
    """One sync expert."""

    steps: int = Field(ge=1)
    net: ExpertNet


class MouthTraining(TrainingStage):
    """What the stages that learn from mouth boxes and speech share."""

    datasets: DatasetWeights
    jitter: int = Field(ge=0)
    speech_augmentation: SpeechChanges
    eval_batch_size: int = Field(ge=1)
    warmup_steps: int = Field(ge=0)
    weight_decay: float = Field(ge=0)


class TrainSync(MouthTraining):
    """The sync experts of the image and the mask domain."""

    mask_expert: Expert
    image_expert: Expert
    loss: Literal["contrast", "bce"]
    temperature: float = Field(gt=0)
    windows_per_clip: int = Field(ge=2)
    span_frames: int = Field(ge=2)
    colour: float = Field(ge=0, lt=1)
    max_shift: int = Field(ge=1)
    piece_frames: int = Field(ge=1)
    piece_stride: int = Field(ge=1)
    tolerance: int = Field(ge=0)


class TsgNet(Section):
    """See `segtalker.nets.tsg.TalkingSegmenter`."""

    frames: int = Field(ge=1)
    mel_window: int = Field(ge=1)
    channels: tuple[int, ...] = Field(min_length=1)
    decoder_channels: tuple[int, ...] = Field(min_length=1)
    audio_channels: tuple[int, ...] = Field(min_length=1)
    blocks: int = Field(ge=0)
    speech: int = Field(ge=1)

    @model_validator(mode="after")
    def _check(self) -> "TsgNet":
        if len(self.channels) != len(self.decoder_channels):
            raise ValueError("channels and decoder_channels must have the same number of levels")
        return self


class SpeechFeatures(Section):
    """What the segmenter hears, see `segtalker.inference.speech_features`."""

    kind: Literal["mel", "hubert"]
    weights: str

    @model_validator(mode="after")
    def _check(self) -> "SpeechFeatures":
        if (self.kind == "hubert") != bool(self.weights):
            raise ValueError("kind hubert, and it alone, needs weights: the folder of an encoder")
        return self


class TrainTsg(MouthTraining):
    """Talking segmentation generation."""

    features: SpeechFeatures
    net: TsgNet
    steps: int = Field(ge=1)
    balance: float = Field(ge=0, le=1)
    loss_weights: LossWeights
    stride: int = Field(ge=1)

    @model_validator(mode="after")
    def _check(self) -> "TrainTsg":
        if self.stride > self.net.frames:
            raise ValueError(
                f"stride {self.stride} must not exceed net.frames {self.net.frames}: it would leave frames out"
            )
        return self


class Discriminator(Section):
    """The patch discriminator, see `segtalker.nets.discriminator`."""

    full_size: int = Field(ge=0)
    channels: tuple[int, ...] = Field(min_length=1)
    detail: bool
    spectral: bool
    learning_rate: float = Field(gt=0)

    @property
    def net(self) -> dict[str, Any]:
        """What the network is made of."""
        return self.model_dump(include={"full_size", "channels", "detail", "spectral"})


class LateDiscriminator(Discriminator):
    """The discriminator of the baseline, which joins in late."""

    from_step: int = Field(ge=0)


class Wav2LipNet(Section):
    """See `segtalker.nets.wav2lip.Wav2LipGenerator`."""

    channels: tuple[int, ...] = Field(min_length=3)
    blocks: tuple[int, ...]
    decoder_channels: tuple[int, ...]
    decoder_blocks: tuple[int, ...]
    audio_channels: tuple[int, ...] = Field(min_length=5, max_length=5)
    audio_blocks: tuple[int, ...] = Field(min_length=4, max_length=4)

    @model_validator(mode="after")
    def _check(self) -> "Wav2LipNet":
        levels = len(self.channels)
        if len(self.decoder_channels) != levels:
            raise ValueError("channels and decoder_channels must have the same number of levels")
        if {len(self.blocks), len(self.decoder_blocks)} != {levels - 1}:
            raise ValueError(f"blocks and decoder_blocks must name {levels - 1} levels, one less than channels")
        return self


class TrainWav2Lip(MouthTraining):
    """The baseline."""

    trained: bool
    net: Wav2LipNet
    steps: int = Field(ge=1)
    loss_weights: LossWeights
    squared_weight: float = Field(ge=0)
    mouth_weight: float = Field(ge=1)
    sync_from_step: int = Field(ge=0)
    discriminator: LateDiscriminator
    colour: float = Field(ge=0, lt=1)
    fade: int = Field(ge=0)
