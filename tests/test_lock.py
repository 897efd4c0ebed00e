"""Two processes never write to the same run."""

from command import TINY, run

from resnet_jax.verbs.workdir import check_workdir, locked


def test_a_second_process_is_refused_in_one_line(tmp_path):
    with locked(tmp_path):
        out, err = run("train", TINY, f"--workdir={tmp_path}", expected=2)
    assert err == (
        f"error: another process is training in '{tmp_path}'; wait for it, or name "
        "another --workdir.\n"
    )
    assert out == "" and [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_run_that_was_killed_before_its_first_file_is_no_strangers_folder(tmp_path):
    with locked(tmp_path):
        pass
    check_workdir(tmp_path, {"seed": 0}, allow=False)
