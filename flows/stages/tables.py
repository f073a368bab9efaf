"""Tables, figures and the report page of an experiment, from its files alone."""

import math
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np

from flows.stages.common import StageRun
from segtalker.clips.store import load_clips
from segtalker.clips.worker_pools import Pool
from segtalker.config.params import Params
from segtalker.evaluation.protocol import PROTOCOL_FILE, protocol_signature, read_protocol
from segtalker.evaluation.result_files import keep_experiment, keep_histories, keep_scores
from segtalker.inference.edit_strip import read_edits
from segtalker.media.video import write_video
from segtalker.reporting.figures.report_figures import (
    Drawing,
    draw_all,
    edit_drawings,
    pipeline_drawings,
    read_histories,
    sample_drawings,
    score_drawings,
    training_drawings,
)
from segtalker.reporting.figures.samples import Sample, choose_samples
from segtalker.reporting.figures.videos import Encoder, Player, PlayerMaker
from segtalker.reporting.pages.html import render_page
from segtalker.reporting.pages.report import Origin, build_report
from segtalker.reporting.tables.best_and_worst import extreme_clips
from segtalker.reporting.tables.build import build_tables, people_apart
from segtalker.reporting.tables.intervals import Bootstrap
from segtalker.reporting.tables.scores import Scores, read_scores
from segtalker.reporting.tables.write import write_tables
from segtalker.tracking.provenance import code_revision, read_settings
from segtalker.utils.atomic import atomic_file, atomic_folder, write_text


def encoder(params: Params) -> Encoder:
    """What turns frames and sound into the bytes of an MP4."""
    base, crf = params.base, params.tables.video_crf

    def encode(frames: Iterable[np.ndarray], sound: np.ndarray | None) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.mp4"
            write_video(path, frames, base.fps, sound, base.sample_rate_hz, crf)
            return path.read_bytes()

    return encode


def make_player(params: Params, system: str, sample: Sample) -> Player:
    """Sample videos of a clip for the page."""
    base, settings = params.base, params.tables
    maker = PlayerMaker(
        encoder(params),
        size=settings.video_size,
        max_frames=round(settings.sample_seconds * base.fps),
        fps=base.fps,
        rate_hz=base.sample_rate_hz,
    )
    return maker.make(sample, system)


def plan(run: StageRun, scores: Scores, samples: list[Sample], system: str) -> list[Drawing]:
    """All figures of the report."""
    edits = run.workspace.results("generate") / "edits"
    return [
        *score_drawings(scores),
        *sample_drawings(samples, run.params, system),
        *edit_drawings(read_edits(edits), edits, run.params.tables.edit_cell),
        *training_drawings(read_histories(run.workspace.models)),
        *pipeline_drawings(run.workspace.root / "dvc.yaml"),
    ]


def write_videos(players: Iterable[Player], folder: Path) -> None:
    """Keeps what comparisons of runs show beside each other: the system's video of each clip, and the recording."""
    for player in players:
        for kind, video in (("video", player.heard_video), ("truth", player.true_video)):
            if video is not None:
                with atomic_file(folder / f"{kind}_{player.title}.mp4") as temporary:
                    temporary.write_bytes(video)


def origin_of(run: StageRun) -> Origin:
    """Where the results come from, and whether the dataset has a page beside the report."""
    root, reports = run.workspace.root, run.workspace.reports
    dataset_page = f"datasets/{run.workspace.dataset}.html"
    return Origin(
        run.signature,
        *code_revision(root),
        people_apart(run.workspace),
        read_settings(root, run.params.active.experiment),
        dataset_page if (reports / dataset_page).is_file() else "",
    )


def log_scores(run: StageRun, scores: Scores) -> None:
    """Every mean as `<method>/<metric>`."""
    means = scores.means().to_dict("index")
    values = {f"{method}/{metric}": value for method, row in means.items() for metric, value in row.items()}
    run.log_metrics({name: value for name, value in values.items() if math.isfinite(value)})


def keep_run(run: StageRun) -> None:
    """Keeps with this run what its tables and curves were made of, wherever the stages before ran."""
    results = run.workspace.results("evaluate")
    keep_scores(run, results)
    models = run.workspace.models
    keep_histories(run, models)
    keep_experiment(run, run.workspace.root, models, run.workspace.reports)
    if (results / PROTOCOL_FILE).is_file():
        run.log_protocol(protocol_signature(read_protocol(results / PROTOCOL_FILE)))


def tables(run: StageRun) -> None:
    """Scores, histories and generated clips -> tables, figures and one page."""
    params, workspace = run.params, run.workspace
    scores = read_scores(workspace.results("evaluate"), params.tables.headline)
    how = Bootstrap(params.tables.bootstrap_draws, params.tables.confidence)
    score_tables = build_tables(workspace, scores, run.signature, how)
    clips = load_clips(workspace.root / "data", workspace.dataset, "test")
    system = scores.system.name
    extremes = extreme_clips(scores, params.tables.key_metrics)
    samples = choose_samples(clips, workspace.results("generate"), system, params.tables.sample_clips, extremes)
    with atomic_folder(workspace.reports / "tables") as folder:
        write_tables(score_tables, scores, folder)
    pool = Pool.of(params.machine)
    players = pool.map(partial(make_player, params, system), samples, __name__)
    with atomic_folder(workspace.reports / "figures") as folder:
        pictures = draw_all(plan(run, scores, samples, system), folder, pool)
        write_videos(players, folder)
    report = build_report(params, origin_of(run), scores, score_tables, pictures, players)
    write_text(workspace.reports / "index.html", render_page(report))
    log_scores(run, scores)
    for name in ("tables", "figures"):
        run.log_artifact(workspace.reports / name)
    keep_run(run)
