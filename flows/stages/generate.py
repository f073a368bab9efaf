"""Every method's videos of the test clips, the edit strips, and files to try `segtalker talk` on."""

import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch

from flows.stages.common import StageRun
from segtalker.clips.record import ClipRecord
from segtalker.clips.runner import ClipTask, run_clips, task_key
from segtalker.clips.store import Clip, input_sha256, load_clips, write_table
from segtalker.clips.tables import CLIPS_FILE, read_records
from segtalker.clips.worker_pools import THIS_PROCESS, Pool
from segtalker.inference.edit_strip import write_edits
from segtalker.inference.methods import (
    WAV2LIP,
    GenerateConfig,
    GenerateRecord,
    generate_clip,
    load_talk_model,
    one_of_each_subject,
)
from segtalker.inference.shuffled_speech import shuffled_speech
from segtalker.inference.speech_features import KEY
from segtalker.inference.talk_settings import TalkSettings
from segtalker.inference.wav2lip import WAV2LIP_FILE
from segtalker.media.images import write_png
from segtalker.media.video import still_frame
from segtalker.utils.atomic import atomic_folder
from segtalker.utils.code_hash import code_hash
from segtalker.utils.errors import BadInputError
from segtalker.utils.hashing import file_sha256, folder_sha256
from segtalker.utils.paths import expand_path

COLUMNS = ("clip_id", "method", "driving_audio", "subject", "source", "frames", "reference_frame")
_NETS = ("train_tsg/tsg.ckpt", "train_sgi/encoder.ckpt", "train_sgi/generator.ckpt")


def generate_config(run: StageRun) -> GenerateConfig:
    """What is made of every clip."""
    return GenerateConfig(
        models=run.workspace.models,
        settings=TalkSettings.of(run.params),
        methods=run.params.generate.methods,
        folder=run.workspace.results("generate"),
        silence=-run.params.base.mel.max_abs,
        crf=run.params.generate.crf,
        device="cuda" if torch.cuda.is_available() else "cpu",
        fade=run.params.train_wav2lip.fade,
        mouth_fade=run.params.generate.mouth_fade,
    )


def _clip_hashes(clip: Clip) -> list[str]:
    """Content of everything a clip brings to generation."""
    files = [clip.crop_folder / name for name in ("frames.zip", "landmarks.npy")]
    files += [clip.mel_path, clip.audio_path, clip.parse_folder / "masks.zip"]
    truth = clip.truth_masks
    return [input_sha256(file) for file in [*files, *([] if truth is None else [truth.path])]]


def make_tasks(
    config: GenerateConfig, clips: Sequence[Clip], records: Mapping[str, ClipRecord], seed: int
) -> list[ClipTask[GenerateRecord]]:
    """One task a clip; its key covers networks, code, settings, and the clip and driving speech themselves."""
    own = {clip.clip_id: clip for clip in clips}
    driving = shuffled_speech(clips, seed) if "shuffled_audio" in config.methods else own
    code = code_hash(generate_clip.__module__)
    how = [config.settings, config.methods, config.silence, config.crf, config.fade, config.mouth_fade, code]
    nets = [*_NETS, WAV2LIP_FILE] if WAV2LIP in config.methods else _NETS
    how += [file_sha256(config.models / net) for net in nets]
    if weights := config.settings.speech.weights:
        how.append(folder_sha256(expand_path(weights, KEY)))
    contents = {clip.clip_id: _clip_hashes(clip) for clip in clips}
    tasks = []
    for clip in clips:
        other = driving[clip.clip_id]
        record = GenerateRecord(**vars(records[clip.clip_id]), clip=clip, driving=other)
        key = task_key(how, contents[clip.clip_id], contents[other.clip_id])
        videos = tuple(config.folder / method / clip.clip_id for method in config.methods)
        tasks.append(ClipTask(record, key, videos))
    return tasks


def write_method_table(folder: Path, records: Sequence[GenerateRecord]) -> None:
    """`clips.csv` with one row for each clip and method, and no files of clips that are not in it."""
    table = [
        {
            "clip_id": record.clip_id,
            "method": method,
            "driving_audio": driving,
            "subject": record.subject,
            "source": record.source.as_posix(),
            "frames": record.frames,
            "reference_frame": record.reference_frame,
        }
        for record in records
        for method, driving in record.made.items()
    ]
    write_table(folder / "clips.csv", table, COLUMNS)
    table_keys = {(row["method"], row["clip_id"]) for row in table}
    for path in sorted(folder.glob("*/*/video.mp4")):
        if (path.parent.parent.name, path.parent.name) not in table_keys:
            shutil.rmtree(path.parent)


def write_samples(folder: Path, clips: Sequence[Clip], records: Mapping[str, ClipRecord]) -> None:
    """A portrait, uncropped as in the source, and speech for each clip."""
    with atomic_folder(folder) as temporary:
        for clip in clips:
            write_png(temporary / f"{clip.clip_id}.png", still_frame(records[clip.clip_id].source, "pyav"))
            shutil.copyfile(clip.audio_path, temporary / f"{clip.clip_id}.wav")


def generate(run: StageRun) -> None:
    """Test clips and trained networks -> videos by every method, edit strips, samples."""
    params, config = run.params, generate_config(run)
    stage, root, dataset = params.generate, run.workspace.root / "data", run.workspace.dataset
    clips = load_clips(root, dataset, "test")
    clips = clips[: stage.max_clips or len(clips)]
    if not clips:
        raise BadInputError(f"{run.workspace.data('split')}: no test clips; raise split.test_fraction")
    records = {one.clip_id: one for one in read_records(run.workspace.data("split") / CLIPS_FILE, ClipRecord)}
    talk_model = load_talk_model(config.models, config.settings, config.device)
    pool = THIS_PROCESS if config.device == "cuda" else Pool.of(params.machine)
    results = run_clips(
        make_tasks(config, clips, records, params.base.seed),
        partial(generate_clip, config),
        config.folder,
        pool,
        params.base.max_failed_fraction,
        "generate",
    )
    write_method_table(config.folder, results)
    people = one_of_each_subject([clip for clip in clips if clip.clip_id in {record.clip_id for record in results}])
    edits = stage.edits
    write_edits(talk_model, people, people[: edits.clips], config.folder / "edits", edits.frames, edits.background)
    write_samples(config.folder / "samples", people[: stage.samples], records)
    run.log_metrics({"clips": len(results), "failed": len(clips) - len(results)})
