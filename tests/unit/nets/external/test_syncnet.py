"""The published SyncNet: names, shapes, sizes."""

from pathlib import Path

import torch

from segtalker.nets.external.syncnet import SyncNet, load_syncnet

# names and shapes in syncnet_v2.model
SYNCNET = {
    "netcnnaud.0.weight": (64, 1, 3, 3), "netcnnaud.4.weight": (192, 64, 3, 3), "netcnnaud.8.weight": (384, 192, 3, 3),
    "netcnnaud.11.weight": (256, 384, 3, 3), "netcnnaud.14.bias": (256,), "netcnnaud.18.weight": (512, 256, 5, 4),
    "netcnnaud.19.running_var": (512,), "netfcaud.0.weight": (512, 512), "netfcaud.1.running_mean": (512,),
    "netfcaud.3.weight": (1024, 512), "netcnnlip.0.weight": (96, 3, 5, 7, 7), "netcnnlip.4.weight": (256, 96, 1, 5, 5),
    "netcnnlip.8.weight": (256, 256, 1, 3, 3), "netcnnlip.11.weight": (256, 256, 1, 3, 3),
    "netcnnlip.14.weight": (256, 256, 1, 3, 3), "netcnnlip.18.weight": (512, 256, 1, 6, 6), "netfclip.3.bias": (1024,),
}  # fmt: skip


def test_syncnet_has_the_published_names_and_shapes(tmp_path: Path):
    torch.manual_seed(0)
    state = {name: value for name, value in SyncNet().state_dict().items() if "num_batches" not in name}
    assert {name: tuple(state[name].shape) for name in SYNCNET} == SYNCNET
    path = tmp_path / "syncnet_v2.model"
    torch.save(state, path, _use_new_zipfile_serialization=False)  # as old as the release
    net = load_syncnet(path)
    assert not net.training
    frames, speech = net(torch.zeros(2, 3, 5, 224, 224), torch.zeros(2, 13, 20))
    assert frames.shape == speech.shape == (2, 1024)
