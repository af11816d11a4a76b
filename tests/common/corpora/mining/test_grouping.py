from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from common.corpora.mining.grouping import folder_groups

PATHS = st.dictionaries(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda parts: "/".join(parts) + ".py"),
    st.integers(1, 9), max_size=12,
)  # fmt: skip


def test_a_large_folder_is_divided_and_a_small_one_is_not():
    sizes = {"src/app/a.py": 30, "src/app/b.py": 40, "src/util/c.py": 2, "src/util/d.py": 1, "tools/e.py": 27}
    assert folder_groups(sizes, largest=0.3) == {
        "src/app/a.py": "src/app/a.py", "src/app/b.py": "src/app/b.py",
        "src/util/c.py": "src/util", "src/util/d.py": "src/util", "tools/e.py": "tools",
    }  # fmt: skip


@given(PATHS, st.sampled_from([0.05, 0.3, 1.0]))
def test_every_path_has_a_group_that_leads_to_it_and_no_group_that_could_be_divided_is_too_large(sizes, largest):
    groups = folder_groups(sizes, largest)
    assert groups.keys() == sizes.keys()
    assert all(path == group or path.startswith(group + "/") for path, group in groups.items())
    sums = Counter()
    for path, group in groups.items():
        sums[group] += sizes[path]
    total = sum(sizes.values())
    assert all(count <= largest * total or group in sizes for group, count in sums.items())
