"""Tables, progress and figures."""

from olgame.report.regret_figure import regret_figure as regret_figure
