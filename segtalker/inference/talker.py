"""Files in, a talking video or an edited picture out: what `segtalker talk` and `segtalker edit` do."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from segtalker.clips.worker_pools import usable_cores
from segtalker.config.experiment import experiment_params
from segtalker.config.params import Params
from segtalker.config.workspace import project_root
from segtalker.faces.mouth_box import face_transforms
from segtalker.faces.parsing import choose_parser, load_parser
from segtalker.inference.backdrops import video_suffixes
from segtalker.inference.background import SourceBackground
from segtalker.inference.composition import Composer
from segtalker.inference.edit_effects import without_effect
from segtalker.inference.edits import Edits
from segtalker.inference.identity import Identity
from segtalker.inference.pasting import PaintedArea
from segtalker.inference.portrait import DetectorName, Portrait, PortraitReader, read_portrait
from segtalker.inference.prepared_edits import PreparedEdits, prepare_edits
from segtalker.inference.stills import edited_still, write_still
from segtalker.inference.talk_inputs import check_writable, read_speech, save_mask, trained_experiment
from segtalker.inference.talk_model import IDENTITY_FRAMES, TalkModel
from segtalker.inference.talk_options import PLAIN, Report, TalkOptions, quiet
from segtalker.inference.talk_settings import TalkSettings
from segtalker.inference.timeline import at_rate, frames_of_speech
from segtalker.media.mel import speech_mel
from segtalker.media.soundtrack import open_soundtrack
from segtalker.media.video import write_video
from segtalker.nets.checkpoints import checkpoint_signature
from segtalker.provenance.credentials import SigningKey
from segtalker.provenance.disclosure import Disclosure
from segtalker.provenance.origin import Origin
from segtalker.regions import LIP, MOUTH
from segtalker.utils.atomic import atomic_file
from segtalker.utils.progress import reported

_PX_PER_THREAD = 128  # of the crop's side; with less to do, threads wait for each other
_MASK_SIDE = 512  # px, about as large as an edited mask is comfortable to paint
NO_EDITS = Edits()


@dataclass(frozen=True)
class TalkingVideo:
    """What was written.

    Args:
        frames: how many.
        rate: frames a second.
        width: px.
        height: px.
        untouched: how many frames show no face, and are the source's own.
        without_effect: edits that are not seen in it, and why, a line each.
    """

    frames: int
    rate: Fraction
    width: int
    height: int
    untouched: int
    without_effect: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.frames / self.rate)


@dataclass(frozen=True)
class EditedPicture:
    """What was written.

    Args:
        width: px.
        height: px.
        without_effect: see `TalkingVideo`.
    """

    width: int
    height: int
    without_effect: tuple[str, ...]


class Talker:
    """An experiment's networks with everything to read portraits and speech for them.

    Args:
        params: of the experiment.
        models: `models/<experiment>`.
        detector: finds faces; None for the one the experiment was cropped with, or its parser where that used
            annotations.
        weights: of the detector; None for the experiment's.

    Raises:
        MissingWeightsError: a network is not trained yet, or the detector's weights are not there.
    """

    def __init__(self, params: Params, models: Path, detector: DetectorName | None, weights: str | None) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.params = params
        self.settings = TalkSettings.of(params)
        self.talk_model = TalkModel.load(models, self.settings, torch.device(device))
        self.signature = checkpoint_signature(models / "train_sgi" / "generator.ckpt")
        used = params.crop.detector
        self.reader = PortraitReader(
            crop=params.crop,
            image_size=params.base.image_size,
            fps=params.base.fps,
            parser=load_parser(choose_parser(params.parse, models)),
            detector=detector or ("parser" if used == "annotations" else used),
            weights=params.crop.weights if weights is None else weights,
        )
        torch.set_num_threads(min(usable_cores(), max(1, params.base.image_size // _PX_PER_THREAD)))

    @classmethod
    def load(
        cls,
        experiment: str | None = None,
        *,
        root: Path | None = None,
        detector: DetectorName | None = None,
        detector_weights: str | None = None,
    ) -> "Talker":
        """Reads the networks of an experiment.

        Args:
            experiment: its name; None for the one whose networks are newest.
            root: the project folder; None for the working folder or the source checkout.
            detector: see `Talker`.
            detector_weights: see `Talker`.

        Raises:
            BadInputError: there is no such experiment.
            MissingWeightsError: see `Talker`.
        """
        root = root or project_root()
        name = trained_experiment(root, experiment)
        return cls(experiment_params(root, name), root / "models" / name, detector, detector_weights)

    def save_mask(self, portrait: Path, out: Path, options: TalkOptions = PLAIN) -> None:
        """Writes the mask of a portrait's reference frame, to be edited.

        Args:
            portrait: image or video.
            out: the `.png` to write, whole or not at all.
            options: `face`, `from_s`, `to_s` and `head` are heeded; those of the video that the mask is for.

        Raises:
            BadInputError: a file cannot be used or written.
        """
        check_writable(out, ".png")
        with tempfile.TemporaryDirectory() as folder:
            face = read_portrait(self.reader, portrait, IDENTITY_FRAMES, Path(folder), options=options)
            save_mask(out, self.talk_model.identify(face.face()).mask, max(1, _MASK_SIDE // self.settings.image_size))

    def talk(
        self,
        portrait: Path | str,
        audio: Path | str,
        out: Path | str,
        edits: Edits = NO_EDITS,
        options: TalkOptions = PLAIN,
        report: Report | None = None,
    ) -> TalkingVideo:
        """Lets a portrait say what is heard.

        Args:
            portrait: image or video.
            audio: sound, or video with sound.
            out: the `.mp4` to write, with the sound; whole or not at all. A transparent one is `.webm` or `.mov`.
            edits: local edits.
            options: what else may be chosen.
            report: hears what is being done.

        Raises:
            BadInputError: a file cannot be used or written.
        """
        report = report or quiet
        portrait, audio, out = Path(portrait), Path(audio), Path(out)
        check_writable(out, *video_suffixes(edits.background, options.signing_key is not None))
        report("reading the sound", 0.0)
        with tempfile.TemporaryDirectory() as folder:
            samples, mel = self._read_speech(audio, Path(folder))
            report("reading the sound", 1.0)
            rate = self.reader.open(portrait, options).rate
            wanted = frames_of_speech(samples, self.settings.clock.sample_rate_hz, rate)
            face = read_portrait(self.reader, portrait, max(wanted, IDENTITY_FRAMES), Path(folder), report, options)
            report("looking at who speaks", 0.0)
            prepared = self.prepare(edits, face)
            report("looking at who speaks", 1.0)
            timeline = face.timeline(wanted)
            count = len(timeline.order)
            chunks = self.talk_model.talk(
                face, prepared.identity, mel, timeline, SourceBackground(), prepared.mask_change
            )
            composer = self.composer(face, prepared, options)
            composed = reported(composer.frames(chunks, count, rate), count, "painting", report)
            disclosure = self.disclosure(options.watermark, options.signing_key)
            height, width = self._write(out, composed, rate, audio, disclosure)
        untouched = int(np.count_nonzero(~face.seen[timeline.order]))
        unseen_edits = without_effect(edits, prepared.mask_change, composer.shown)
        return TalkingVideo(count, rate, width, height, untouched, unseen_edits)

    def edit(
        self,
        portrait: Path | str,
        out: Path | str,
        edits: Edits,
        options: TalkOptions = PLAIN,
        report: Report | None = None,
    ) -> EditedPicture:
        """Edits a picture.

        Args:
            portrait: image; of a video the frame whose mask `save_mask` writes.
            out: the `.png` to write, whole or not at all.
            edits: local edits; what they do not name is the portrait's own.
            options: `crop_only`, `face`, `from_s`, `to_s`, `watermark` and `signing_key` are heeded.
            report: hears what is being done.

        Raises:
            BadInputError: a file cannot be used or written.
        """
        report = report or quiet
        portrait, out = Path(portrait), Path(out)
        check_writable(out, ".png")
        with tempfile.TemporaryDirectory() as folder:
            face = read_portrait(self.reader, portrait, IDENTITY_FRAMES, Path(folder), report, options)
            report("editing", 0.0)
            prepared = self.prepare(edits, face)
            picture, shown = edited_still(self.talk_model, face, prepared, options.crop_only)
        write_still(out, picture, self.disclosure(options.watermark, options.signing_key))
        report("editing", 1.0)
        height, width = picture.shape[:2]
        return EditedPicture(width, height, without_effect(edits, prepared.mask_change, shown))

    def prepare(self, edits: Edits, face: Portrait) -> PreparedEdits:
        """Makes edits ready for a portrait, see `prepare_edits`."""
        return prepare_edits(edits, self.talk_model.identify(face.face()), self._identify)

    def disclosure(self, is_marked: bool = True, signing_key: SigningKey | None = None) -> Disclosure:
        """How files made now with these networks say that they are generated, see `Disclosure`."""
        return Disclosure(Origin.now(self.params.active.experiment, self.signature), is_marked, signing_key)

    def _write(
        self, out: Path, frames: Iterator[np.ndarray], rate: Fraction, audio: Path, disclosure: Disclosure
    ) -> tuple[int, int]:
        """Writes the video; returns its height and width."""
        frames = even_sides(frames)
        first = next(frames)
        marked, tags = disclosure.frames(chain([first], frames)), disclosure.origin.video_tags
        with atomic_file(out) as whole:
            write_video(whole, marked, rate, open_soundtrack(audio), 0, self.params.generate.crf, tags)
            disclosure.finish(whole)
        return first.shape[0], first.shape[1]

    def _read_speech(self, path: Path, folder: Path) -> tuple[int, np.ndarray]:
        """How many samples there are and what the segmenter hears of them, see `TalkModel.hears`."""
        samples = read_speech(path, self.params.base.sample_rate_hz, folder)
        mel = speech_mel(samples, self.params, folder / "mel.npy")
        return len(samples), self.talk_model.hears(mel, lambda: samples)

    def _identify(self, path: Path) -> Identity:
        """Who is seen in a reference, which is looked at like a portrait."""
        with tempfile.TemporaryDirectory() as folder:
            return self.talk_model.identify(read_portrait(self.reader, path, IDENTITY_FRAMES, Path(folder)).face())

    def composer(self, face: Portrait, prepared: PreparedEdits, options: TalkOptions) -> Composer:
        """What puts painted crops into a portrait's pictures, with edits made ready for it."""
        clock = self.settings.clock
        places = face_transforms(
            np.asarray(face.landmarks), at_rate(clock.smooth_frames, face.pictures.rate, clock.fps)
        )
        # lips and mouth move: no pixels of the source show where they end
        swapped = [region for region in prepared.layers.swapped if region not in (LIP, MOUTH)]
        area = PaintedArea(
            regions=[region for region in prepared.layers.swapped if region in (LIP, MOUTH)],
            reshaped=prepared.layers.reshaped,
            places=places,
            fade=self.params.generate.mouth_fade,
            lip_reach=self.params.generate.lip_reach if options.repaint == "lips" else None,
        )
        return Composer(
            face,
            places,
            None if options.repaint == "face" else area,
            replace(prepared.layers, swapped=swapped),
            None if options.crop_only else face,
            face.seen,
        )


def even_sides(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Frames whose last row and column come twice where their number is odd: H.264 as every player reads it has even
    sides."""
    for frame in frames:
        odd = [side % 2 for side in frame.shape[:2]]
        yield np.pad(frame, ((0, odd[0]), (0, odd[1]), (0, 0)), "edge") if any(odd) else frame
