"""People are repeatable."""

from segtalker.synthetic.person import draw_person


def test_people_are_repeatable_and_different() -> None:
    people = [draw_person(7, subject) for subject in range(12)]
    assert people == [draw_person(7, subject) for subject in range(12)]
    assert len(set(people)) == 12
    assert draw_person(8, 0) != people[0]
    assert len({person.style for person in people}) >= 6
    assert {person.glasses for person in people} == {"none", "round", "square"}
