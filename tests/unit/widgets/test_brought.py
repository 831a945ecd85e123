"""Numbers that a person brought are shown, saved and drawn without a model library."""

import subprocess
import sys

SCRIPT = """
import sys
import xai_widgets as xw
a = xw.show([[0.9, -0.4]], tokens=["not", " bad"], axes=("target", "pos"))
a.widget, a.to_html(), a.to_svg(), repr(a)
a.save(sys.argv[1])
b = xw.open(sys.argv[1])
b.widget
print([name for name in ("torch", "transformers") if name in sys.modules])
"""


def test_own_numbers_load_no_torch(tmp_path):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "a.xai")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
