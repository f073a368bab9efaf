"""Faces seen one after the other become tracks."""

import numpy as np

from segtalker.preprocessing.face_tracks import FaceSighting, link_faces

from .conftest import make_face


def test_faces_are_linked_by_place_and_size_and_never_beyond_a_cut() -> None:
    sightings = [
        FaceSighting(index / 5, [make_face(100 + 3 * index, 100), make_face(300 - 3 * index, 100)])
        for index in range(20)
    ]
    assert [len(track.points) for track in link_faces(sightings, [], 0.6)] == [20, 20]
    for track in link_faces(sightings, [], 0.6):
        assert np.abs(np.diff([points[:, 0].mean() for points in track.points])).max() < 4
    assert [len(track.points) for track in link_faces(sightings, [2.0], 0.6)] == [10, 10, 10, 10]
    gone = [
        sighting if index < 5 or index >= 15 else FaceSighting(sighting.time_s, [])
        for index, sighting in enumerate(sightings)
    ]
    assert len(link_faces(gone, [], 0.6)) == 4
