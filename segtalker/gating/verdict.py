"""Which clips pass the gate, and why the others do not."""

from segtalker.clip_runner import Row
from segtalker.data_params import Gate


def why_dropped(row: Row, gate: Gate) -> str:
    """Why a measured clip is dropped, with its figure; empty for one that passes.

    Args:
        row: with the figures of `segtalker.gating.measure.measure_clip`.
        gate: the limits.
    """
    sync = gate.sync
    checks = [
        (row["cuts"] > gate.max_cuts, f"{row['cuts']} scene cut(s) inside, more than gate.max_cuts {gate.max_cuts}"),
        (
            row["face_px"] < gate.min_face_px,
            f"face of {row['face_px']:.0f} px, less than gate.min_face_px {gate.min_face_px:.0f}",
        ),
        (
            row["sharpness"] < gate.min_sharpness,
            f"sharpness {row['sharpness']:.0f}, less than gate.min_sharpness {gate.min_sharpness:.0f}",
        ),
        (
            row["yaw_deg"] > gate.max_yaw_deg,
            f"head turned by {row['yaw_deg']:.0f} degrees, more than gate.max_yaw_deg {gate.max_yaw_deg:.0f}",
        ),
        (
            row["pitch_deg"] > gate.max_pitch_deg,
            f"head tilted by {row['pitch_deg']:.0f} degrees, more than gate.max_pitch_deg {gate.max_pitch_deg:.0f}",
        ),
    ]
    if row["offset"] != "":
        checks += [
            (
                row["confidence"] < sync.min_confidence,
                f"sync confidence {row['confidence']:.2f}, less than gate.sync.min_confidence {sync.min_confidence}",
            ),
            (
                abs(row["offset"]) > sync.max_offset,
                f"sound {abs(row['offset'])} frames out of time, more than gate.sync.max_offset {sync.max_offset}",
            ),
        ]
    return "; ".join(reason for dropped, reason in checks if dropped)
