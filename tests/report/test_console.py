import contextlib
import io
import os
import pty
import re
import sys
import time
import types

import pytest

from resnet_jax.report import console as console_module
from resnet_jax.report.console import Console

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def test_a_log_gets_plain_lines_without_control_codes(tmp_path):
    stream = io.StringIO()
    console = Console(stream=stream, log_path=tmp_path / "log.txt")
    console.banner({"devices": "2 x cpu", "seed": "0"})
    console.warn("file \x1b[2Jevil\r.png is damaged")
    with console.phase("compiling train step"):
        pass
    console.progress(1, 10, {"loss": 0.5}, 100.0)
    console.say("[red]not markup[/red]\nWARNING: forged")
    console.last("report: here")
    text = stream.getvalue()
    assert not CONTROL.search(text)
    assert text.splitlines() == [
        "devices  2 x cpu",
        "seed     0",
        "WARNING: file evil.png is damaged",
        "compiling train step … 0.0 s",
        "step 1/10  10 %  100 images/s  loss 0.5",
        "[red]not markup[/red]",
        "  WARNING: forged",
        "report: here",
    ]
    assert (tmp_path / "log.txt").read_text() == text


def test_a_log_gets_one_line_a_minute_and_the_first_and_the_last(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(
        console_module, "time", types.SimpleNamespace(monotonic=lambda: now[0])
    )
    stream = io.StringIO()
    console = Console(stream=stream)
    for step in range(1, 301):
        console.progress(step, 300, {"loss": 1.0})
        now[0] += 1.0
    lines = stream.getvalue().splitlines()
    steps = [int(line.split()[1].split("/")[0]) for line in lines]
    assert steps == [1, 61, 121, 181, 241, 300]
    assert lines[1].endswith("3 min 59 s left")


def test_a_run_that_stops_early_leaves_its_newest_numbers():
    stream = io.StringIO()
    console = Console(stream=stream)
    console.progress(1, 10, {"loss": 1.0})
    console.progress(2, 10, {"loss": 0.5})
    assert "step 2" not in stream.getvalue()
    console.close()
    assert "step 2/10  20 %  loss 0.5" in stream.getvalue()


def test_a_long_phase_is_not_silent(monkeypatch):
    monkeypatch.setattr(console_module, "SECONDS_OF_SILENCE", 0.01)
    stream = io.StringIO()
    with Console(stream=stream).phase("compiling"):
        deadline = time.monotonic() + 10
        while "compiling …\n" not in stream.getvalue():
            assert time.monotonic() < deadline, "nothing said"
            time.sleep(0.005)


def test_a_failing_phase_passes_its_error_on_and_claims_no_end():
    stream = io.StringIO()
    with pytest.raises(ValueError, match="no such"), Console(stream=stream).phase("x"):
        raise ValueError("no such file")
    assert stream.getvalue() == ""


def test_quiet_says_warnings_and_the_last_line_only(tmp_path):
    stream = io.StringIO()
    console = Console(quiet=True, stream=stream, log_path=tmp_path / "log.txt")
    console.say("hello")
    console.progress(1, 2, {})
    console.warn("look")
    console.last("report: here")
    assert stream.getvalue() == "WARNING: look\nreport: here\n"
    assert "hello" in (tmp_path / "log.txt").read_text()


def test_a_closed_pipe_does_not_end_the_run(tmp_path):
    read, write = os.pipe()
    os.close(read)
    stream = os.fdopen(write, "w")
    console = Console(stream=stream, log_path=tmp_path / "log.txt")
    console.say("hello")
    console.say("again")
    assert (tmp_path / "log.txt").read_text() == "hello\nagain\n"
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_an_old_terminal_gets_question_marks():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Console(stream=stream).say("compiling … 漢")
    assert raw.getvalue() == b"compiling ? ?\n"


def on_terminal(monkeypatch, act):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    main, other = pty.openpty()
    with os.fdopen(other, "w") as stream:
        console = Console(stream=stream)
        act(console)
        console.close()
    shown = b""
    with contextlib.suppress(OSError):  # the end of what a closed terminal holds
        while chunk := os.read(main, 1 << 16):
            shown += chunk
    os.close(main)
    return shown.decode()


def test_a_terminal_has_one_live_line(monkeypatch):
    def act(console):
        for step in (1, 2, 3):
            console.progress(step, 10, {"a very long name" * 9: 1.0}, 100.0)
        console.say("an event")
        console.progress(10, 10, {"loss": 0.5})

    shown = on_terminal(monkeypatch, act)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    # Written over by a carriage return, never scrolled: newlines end what stays.
    stays = [line.rsplit("\r", 1)[-1] for line in text.split("\r\n")]
    assert "an event" in stays and "step 10/10  100 %  loss 0.5" in stays
    assert not any(line.startswith("step 2/10") for line in stays)
    assert "step 2/10" in shown and "…" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "cursor stays hidden"


def test_a_terminal_shows_a_phase_from_its_start(monkeypatch):
    def act(console):
        with console.phase("compiling train step"):
            pass

    shown = on_terminal(monkeypatch, act)
    assert shown.count("compiling train step …") >= 2


def test_a_dumb_terminal_is_a_log(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    main, other = pty.openpty()
    with os.fdopen(other, "w") as stream:
        Console(stream=stream).say("hello")
    assert os.read(main, 100) == b"hello\r\n"
    os.close(main)


def test_a_notebook_updates_one_output(monkeypatch, capsys):
    shown = []

    class Handle:
        def update(self, text):
            shown[-1] = text

    def display(text, display_id):
        shown.append(text)
        return Handle()

    shell = types.SimpleNamespace(kernel=object())
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    parts = types.SimpleNamespace(Pretty=str, display=display)
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", parts)
    console = Console()
    for step in (1, 2, 3):
        console.progress(step, 10, {})
    console.say("an event")
    assert len(shown) == 1 and shown[0].startswith("step 3/10")
    assert capsys.readouterr().out == "an event\n"
    with console.phase("evaluating"):
        assert len(shown) == 1 and shown[0].startswith("evaluating")
    console.close()
    assert shown == [""]
