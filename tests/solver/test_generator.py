"""QuTiP operators made of entries, small ones by another way than large ones."""

import numpy as np
import pytest
import qutip

from qnet_qutip.solver.generator import SMALL, SMALLEST, operator_like, operator_of


@pytest.mark.parametrize("dimension", [4, SMALL, SMALL + 2, 30])
@pytest.mark.parametrize("least", [1.0, 1e-20, 1e-140, 1e-200])
def test_an_operator_keeps_every_entry_and_the_dimensions(dimension, least):
    """Also those below QuTiP's 1e-14, and those whose square underflows."""
    random = np.random.default_rng(dimension)
    places = random.choice(dimension**2, size=dimension, replace=False)
    rows, columns = np.divmod(places, dimension)
    values = random.normal(size=dimension) + 1j * random.normal(size=dimension)
    values[0] *= least
    assert (abs(values[0]) < SMALLEST) == (least == 1e-200)
    like = qutip.tensor(qutip.qeye(2), qutip.qeye(dimension // 2))
    made = operator_of(like, rows, columns, values)
    assert made.dims == like.dims
    assert isinstance(made.data, qutip.data.CSR)
    assert made.data.as_scipy().nnz == dimension
    assert (made.full()[rows, columns] == values).all()
    assert qutip.settings.core["auto_tidyup"]
    again = operator_like(like, made.full())
    assert (again.full() == made.full()).all()
