"""IPython without a notebook shows no widgets: an answer prints its table there."""

import os
import subprocess
import sys

SHOWN = """
from IPython.terminal.interactiveshell import TerminalInteractiveShell
shell = TerminalInteractiveShell.instance()
shell.run_cell("import xai_widgets as xw\\nxw.show([1.0, -0.5], tokens=['good', ' bad'])")
"""


def test_a_terminal_gets_the_table(tmp_path):
    home = {**os.environ, "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path)}
    out = subprocess.run(
        [sys.executable, "-c", SHOWN], capture_output=True, text=True, check=True, cwd=tmp_path, env=home
    )
    assert "bad        -0.5  ------" in out.stdout and "live view" not in out.stdout
