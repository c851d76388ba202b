"""Stages: what is printed, what is logged, what a failure says, and which time the next run expects."""

from __future__ import annotations

import io
import json
import re
import sys
import threading

import pytest
from acplab.base import console as progress
from acplab.base import paths
from acplab.base.console import stage
from acplab.base.errors import AcplabError
from rich.console import Console

pytestmark = pytest.mark.usefixtures("folders")


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


# --- what is printed --------------------------------------------------------------------------------------


def test_into_a_pipe_a_stage_is_two_lines(capsys):
    with stage("make-tea", "Making tea", 75):
        pass
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"… Making tea (about 1:15, log: {paths.logs() / 'make-tea.log'})"
    assert last == "✓ Making tea (0:00)"


def test_a_long_stage_says_now_and_then_where_it_is(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_SAY_EVERY", 0.01)
    with stage("tea", "Making tea", 5) as current:
        said = threading.Event()
        current.say("boiling water")
        monkeypatch.setattr(type(current), "elapsed", property(lambda self: said.set() or 65.0))
        assert said.wait(5)
    assert "  Making tea: 1:05 / about 0:05  boiling water" in capsys.readouterr().out.splitlines()


def test_a_stage_that_fails_is_not_ticked_off(capsys):
    with pytest.raises(AcplabError), stage("tea", "Making tea", 5) as current:
        current.run(python("raise SystemExit(1)"))
    assert "✓" not in capsys.readouterr().out


def test_at_a_terminal_there_is_a_bar_and_afterwards_one_line(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=out, force_terminal=True, width=200, highlight=False))
    drawn = threading.Event()
    with stage("tea", "Making tea", 5) as current:
        current.say("boiling [water]")
        monkeypatch.setattr(type(current), "elapsed", property(lambda self: drawn.set() or 2.0))
        assert drawn.wait(5)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert "about 0:05" in text
    assert "boiling [water]" in text
    assert text.rstrip().splitlines()[-1].strip().startswith("✓ Making tea")


def test_no_thread_of_a_stage_stays_behind(monkeypatch):
    monkeypatch.setattr(progress, "_SAY_EVERY", 0.01)
    before = set(threading.enumerate())  # one of another test may be on its way out
    with pytest.raises(ZeroDivisionError), stage("tea", "Making tea", 5):
        raise ZeroDivisionError
    assert set(threading.enumerate()) <= before


def test_say_and_warn_take_text_as_it_is(capsys):
    progress.say("[bold]not markup[/] " + "x" * 200)
    progress.warn("careful [/]")
    said = capsys.readouterr()
    assert said.out == "[bold]not markup[/] " + "x" * 200 + "\n"
    assert said.err == "careful [/]\n"


# --- commands and their log -------------------------------------------------------------------------------


def test_a_commands_output_goes_to_the_log_and_not_to_the_terminal(capsys):
    with stage("tea", "Making tea", 5) as current:
        current.run(python("import sys; print('on out'); print('on err', file=sys.stderr)"))
    assert "on out" not in capsys.readouterr().out
    log = current.log.read_text()
    assert log.startswith(f"$ {sys.executable} -c")
    assert {"on out", "on err"} <= set(log.splitlines())


def test_a_command_gets_its_folder_its_environment_and_no_keyboard(tmp_path):
    with stage("tea", "Making tea", 5) as current:
        program = "import os, sys; print(os.getcwd(), os.environ['CUP'], repr(sys.stdin.read()))"
        current.run(python(program), env={"CUP": "blue"}, cwd=tmp_path)
    assert f"{tmp_path} blue ''" in current.log.read_text()


def failure(program: str, remedy: str | None = None) -> AcplabError:
    with pytest.raises(AcplabError) as told, stage("tea", "Making tea", 5) as current:
        current.run(python(program), remedy=remedy)
    return told.value


def test_a_failure_names_the_stage_the_program_its_code_and_the_last_line():
    said = failure("print('first'); print('the kettle is dry'); print('  '); raise SystemExit(3)")
    assert said.sentence == f"Making tea: {sys.executable.rsplit('/')[-1]} failed (exit code 3): the kettle is dry"
    assert "finished parts are kept" in said.remedy
    assert said.remedy.endswith(f"Log: {paths.logs() / 'tea.log'}")


def test_a_failure_without_any_output_says_so_and_does_not_quote_the_command():
    assert failure("raise SystemExit(1)").sentence.endswith("(exit code 1): no output")


def test_what_the_stage_said_itself_is_not_the_programs_last_word():
    with pytest.raises(AcplabError) as told, stage("tea", "Making tea", 5) as current:
        current.say("boiling water")
        current.run(python("raise SystemExit(1)"))
    assert "boiling" not in told.value.sentence


def test_a_failure_with_a_remedy_of_its_own_says_that():
    assert failure("raise SystemExit(1)", remedy="Fill the kettle.").remedy.startswith("Fill the kettle. Log: ")


def test_a_long_last_line_is_shortened():
    assert len(failure("print('x' * 5000); raise SystemExit(1)").sentence) < 400


def test_bytes_that_are_not_text_do_no_harm():
    assert "�" in failure("import sys; sys.stdout.buffer.write(b'\\xff!'); raise SystemExit(1)").sentence


def test_a_program_that_is_not_there_is_an_error_with_a_remedy():
    with pytest.raises(AcplabError, match="no-such-program") as told, stage("tea", "Making tea", 5) as current:
        current.run(["no-such-program", "--please"])
    assert "Log:" in told.value.remedy


def test_each_run_of_a_stage_begins_a_new_log():
    for word in ("old", "new"):
        with stage("tea", "Making tea", 5) as current:
            current.run(python(f"print({word!r})"))
    assert "new" in current.log.read_text()
    assert "old" not in current.log.read_text()


# --- remembered times ---------------------------------------------------------------------------------------


def timings() -> dict[str, float]:
    return json.loads((paths.cache() / "timings.json").read_text())


def test_the_next_run_expects_what_this_one_took(monkeypatch):
    monkeypatch.setattr(progress.Stage, "elapsed", property(lambda self: 12.34))
    with stage("tea", "Making tea", 5) as first:
        pass
    assert first.expected == 5
    assert timings() == {"tea": 12.3}
    with stage("tea", "Making tea", 5) as second:
        pass
    assert second.expected == 12.3


def test_stages_do_not_forget_each_others_times():
    for name in ("tea", "toast"):
        with stage(name, name, 5):
            pass
    assert set(timings()) == {"tea", "toast"}


def test_a_stage_that_failed_or_was_interrupted_teaches_nothing():
    with pytest.raises(KeyboardInterrupt), stage("tea", "Making tea", 5):
        raise KeyboardInterrupt
    assert not (paths.cache() / "timings.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"tea"'])
def test_a_broken_file_of_times_is_as_good_as_none(text):
    (paths.cache() / "timings.json").write_text(text)
    with stage("tea", "Making tea", 5) as current:
        pass
    assert current.expected == 5
    assert set(timings()) == {"tea"}


# --- to a sink instead of the terminal ----------------------------------------------------------------------


def test_a_sink_gets_what_is_said_and_the_terminal_does_not(capsys):
    lines: list[str] = []
    with progress.to(lines.append):
        progress.say("Recreating [small].")
        with stage("tea", "Making tea", 75) as current:
            current.run(python("print('boiling')"))
    progress.say("afterwards")
    assert lines == ["Recreating [small].", "Making tea (about 1:15)", "Making tea: done after 0:00"]
    assert capsys.readouterr().out == "afterwards\n"


def test_a_stage_that_fails_is_not_done_for_a_sink_either():
    lines: list[str] = []
    with progress.to(lines.append), pytest.raises(AcplabError), stage("tea", "Making tea", 5) as current:
        current.run(python("raise SystemExit(1)"))
    assert lines == ["Making tea (about 0:05)"]


def test_sinks_nest_and_end_also_after_an_error(capsys):
    outer: list[str] = []
    inner: list[str] = []
    with progress.to(outer.append):
        with pytest.raises(ZeroDivisionError), progress.to(inner.append):
            progress.say("in")
            raise ZeroDivisionError
        progress.say("out")
    assert (outer, inner) == (["out"], ["in"])


def test_a_sink_is_that_of_its_own_thread(capsys):
    lines: list[str] = []
    with progress.to(lines.append):
        other = threading.Thread(target=progress.say, args=("elsewhere",))
        other.start()
        other.join()
    assert lines == []
    assert capsys.readouterr().out == "elsewhere\n"
