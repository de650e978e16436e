"""IPython with a network in it, and three things to try.

The network is that of figure 3 with two-level nodes, where every equation takes a few milliseconds: `qn` is the
package and `net` the network. Needs IPython: pip install ipython.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import qnet_qutip as qn

TRY = {
    "The steady state, with its currents and how far to trust it: heat goes from cold to hot here": (
        "state = qn.steady_state(qn.local_master_equation(net)); state"
    ),
    "The same in the picture of the network": "state.plot()",
    "What every master equation makes of it, and which to use": "qn.compare(net)",
}


def namespace() -> dict[str, object]:
    """What is defined at the prompt."""
    net = qn.two_node("two-level", omega_h=10, omega_c=5, epsilon=0.01, T_h=12, T_c=10, kappa=1e-4)
    return {"qn": qn, "net": net}


def banner() -> str:
    lines = [f"qnet_qutip {qn.__version__}: qn is the package, net is {namespace()['net']!r}", "", "To try:"]
    for what, command in TRY.items():
        lines += [f"  # {what}", f"  {command}"]
    return "\n".join(
        [*lines, "", "Then another: net.replace(couplings={('A', 'B'): 1.0}), or net.draw(). Tab completes."]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(arguments)
    try:
        import IPython
        from traitlets.config import Config
    except ImportError:
        raise SystemExit("explore.py needs IPython: pip install ipython") from None
    config = Config()
    config.TerminalInteractiveShell.banner1 = banner()
    # So that pictures open beside the prompt and stay alive.
    config.InteractiveShellApp.matplotlib = "auto"
    IPython.start_ipython(argv=[], user_ns=namespace(), config=config)


if __name__ == "__main__":
    main()
