"""Keys of earlier versions of the params, so that an old override is told its new name."""

_TSG_NET = ("frames", "channels", "decoder_channels", "audio_channels", "blocks", "speech")
_WAV2LIP_NET = ("channels", "blocks", "decoder_channels", "decoder_blocks", "audio_channels", "audio_blocks")


def _moved(section: str, names: tuple[str, ...], target: str) -> dict[str, str]:
    return {f"{section}.{name}": f"{target}.{name}" for name in names}


def _experts(name: str) -> str:
    return " and ".join(f"train_sync.{domain}_expert.net.{name}" for domain in ("mask", "image"))


# `section.key` as it was: what it is now
RENAMED_KEYS: dict[str, str] = {
    "download.source": "download.sources, a list,",
    "base.precision": "training.precision",
    "machine.devices": "training.processes, of all nodes together,",
    **_moved("train_parser", ("log_every", "loader_workers"), "machine"),
    **_moved("train_sync", ("log_every", "loader_workers", "cache_mib"), "machine"),
    **_moved("train_tsg", ("log_every", "loader_workers", "cache_mib"), "machine"),
    **_moved("train_sgi", ("log_every", "loader_workers"), "machine"),
    **_moved("train_wav2lip", ("log_every", "loader_workers", "cache_mib"), "machine"),
    **_moved("train_parser", ("channels", "multipliers"), "train_parser.net"),
    **{f"train_parser.pairs_{name}": f"training.pairs.{name}" for name in ("root", "order")},
    "train_parser.dice_weight": "train_parser.loss_weights.dice",
    **{
        f"train_sync.{domain}_expert.{name}": f"train_sync.{domain}_expert.net.{name}"
        for domain in ("mask", "image")
        for name in ("channels", "audio_channels")
    },
    "train_sync.blocks": _experts("blocks"),
    "train_sync.embedding": _experts("embedding"),
    **_moved("train_tsg", _TSG_NET, "train_tsg.net"),
    "train_tsg.mel_columns": "train_tsg.net.mel_window",
    "train_tsg.sync_weight": "train_tsg.loss_weights.sync",
    "train_sgi.weights": "train_sgi.loss_weights, region_weights, gradient_scales and detail_window",
    **_moved("train_wav2lip", _WAV2LIP_NET, "train_wav2lip.net"),
    "train_wav2lip.sync_weight": "train_wav2lip.loss_weights.sync",
    "train_wav2lip.adversarial": "train_wav2lip.discriminator, its weight train_wav2lip.loss_weights.adversarial",
}
