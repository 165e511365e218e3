"""Figures of a run, as PNG and PDF: `figures(run, results)`; `write_figures(folder, found)`.

| figure | shows |
|---|---|
| `matrix-<measure>` | detectors and what they were trained on, by what they were tested on |
| `roc-<detector>` | hits against false alarms, with a band from a bootstrap over clusters |
| `scores-<detector>` | how the answers of a detector are spread |
| `realism-<measure>` | how real each system looks, against how well it is detected |
| `utility` | what synthetic pictures add to real ones, beside the learning curve of real ones alone |
| `retention-<system>`, `curve-<measure>` | see `curves.py` |

The bytes are the same from run to run. matplotlib is imported only when a figure is drawn.
"""

from .build import figures, write_figures
from .model import Drawn

__all__ = ["Drawn", "figures", "write_figures"]
