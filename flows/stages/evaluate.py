"""Every method's videos of the test clips, and the clips themselves -> one long table of scores."""

import json

from flows.stages.common import StageRun
from segtalker.clips.store import load_clips
from segtalker.evaluation import protocol
from segtalker.evaluation.clip import GROUND_TRUTH
from segtalker.evaluation.result_files import FACTS_FILE, METRICS_FILE, keep_scores
from segtalker.evaluation.run import (
    clip_groups,
    evaluate_config,
    evaluation_pool,
    made_by_clip,
    make_protocol,
    make_tasks,
    measure_clips,
    tried_clips,
    write_failures,
)
from segtalker.evaluation.score_table import (
    mean_scores,
    write_scores,
)
from segtalker.metrics.catalogue import describe
from segtalker.utils.atomic import write_text


def evaluate(run: StageRun) -> None:
    """Generated videos, clips and experts -> `metrics.csv`, what its numbers mean, and what failed."""
    params, folder, config = run.params, run.workspace.results("evaluate"), evaluate_config(run.params, run.workspace)
    methods_by_clip, methods = made_by_clip(config.generate_folder)
    groups = clip_groups(run.workspace.data("split") / "clips.csv")
    tasks = make_tasks(config, load_clips(config.data, config.dataset, "test"), methods_by_clip, groups)
    pool, max_failed = evaluation_pool(config.nets.device, params.machine), params.base.max_failed_fraction
    table, records, lost_videos = measure_clips(config, tasks, [GROUND_TRUTH, *methods], folder, pool, max_failed)
    pairs = sum(len(record.methods) for record in records)
    write_failures(folder / "failures.csv", lost_videos, pairs, max_failed)
    write_scores(folder / METRICS_FILE, table)
    facts = describe(config.reference_masks, config.nets.stand_ins)
    write_text(folder / FACTS_FILE, json.dumps(facts, indent=1, ensure_ascii=False))
    parts = make_protocol(config, params.evaluate, tried_clips(config, methods_by_clip))
    write_text(folder / protocol.PROTOCOL_FILE, json.dumps(parts, indent=1))
    run.log_protocol(protocol.protocol_signature(parts))
    keep_scores(run, folder)
    run.log_metrics(mean_scores(table) | {"clips": len(records), "failed_clips": len(tasks) - len(records)})
